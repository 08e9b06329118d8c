"""Operations on sound: cut, fade, mix, loudness, silence, and the formats that it is written in."""
