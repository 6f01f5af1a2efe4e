"""Numbers, sentences and tables as people read them. No streamlit, no plotly."""
