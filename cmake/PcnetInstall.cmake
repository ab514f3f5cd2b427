# placeholder filled below
