"""Operations on pictures: size, format, crop, overlay, contact sheets, and how pictures are opened and written."""
