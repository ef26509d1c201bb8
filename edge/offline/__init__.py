"""Analysis without a camera: images, videos, recorded events, and reports of them."""
