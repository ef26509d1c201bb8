"""`emotiond collect`: labelled pictures of faces for a set of one's own."""
