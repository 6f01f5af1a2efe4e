"""What a page shows, as plain values. No streamlit, no plotly."""
