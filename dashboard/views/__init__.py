"""One thin file per page, one question each. Streamlit runs them; nothing imports them."""
