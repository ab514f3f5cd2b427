#pragma once

/// The letters of shapes in comments and signatures, the same everywhere.
///
///     B  pictures in a batch            M  texts (all, or those of one picture)
///     C  common width                   U  distinct texts
///     h, w  response grid               T  tokens of a text
///     P  cells of the grid, h * w       S  side of the resized picture, pixels
///     H, W  original picture, pixels    N  stages
///     K  cues of an expression          D  extra expressions of the same picture (partners)
