"""Decoding, resizing and PNG writing against Pillow."""

import random
import struct
import zlib

import peers

np = peers.peer("numpy")
Image = peers.peer("PIL.Image")
ImageOps = peers.peer("PIL.ImageOps")
PngImagePlugin = peers.peer("PIL.PngImagePlugin")


def scene(rng, h, w, channels=3):
    """Smooth colours with hard edges and noise, as photographs have."""
    y, x = np.mgrid[0:h, 0:w]
    planes = []
    for _ in range(channels):
        a, b, c = (rng.uniform(0.02, 0.5) for _ in range(3))
        plane = 127 + 100 * np.sin(a * x + b * y) + 40 * (((x * c).astype(int) + y // 7) % 2)
        planes.append(plane)
    noise = np.random.default_rng(rng.randrange(2**32)).normal(0, 8, (h, w, channels))
    return np.clip(np.stack(planes, -1) + noise, 0, 255).astype(np.uint8)


class Pictures(peers.DriverTest):
    def setUp(self):
        super().setUp()
        self.rng = random.Random(7)

    def decoded(self, path):
        self.run_driver("decode", path, self.path("decoded.npy"))
        return np.load(self.path("decoded.npy"))

    def assert_equals_pillow(self, path):
        with Image.open(path) as picture:
            wanted = np.asarray(picture.convert("RGB"))
        np.testing.assert_array_equal(self.decoded(path), wanted, err_msg=path)

    def test_jpeg(self):
        for progressive in (False, True):
            for subsampling in (0, 1, 2):
                for size in ((1, 1), (7, 5), (64, 48), (101, 33)):
                    path = self.path(f"{progressive}{subsampling}{size[0]}.jpg")
                    Image.fromarray(scene(self.rng, *size)).save(
                        path, quality=75, progressive=progressive, subsampling=subsampling)
                    self.assert_equals_pillow(path)

    def test_grey_jpeg(self):
        Image.fromarray(scene(self.rng, 37, 41)[..., 0]).save(self.path("g.jpg"))
        self.assert_equals_pillow(self.path("g.jpg"))

    def test_cmyk_jpeg(self):
        picture = Image.fromarray(scene(self.rng, 40, 30, 4), mode="CMYK")
        picture.save(self.path("c.jpg"), quality=90)
        with Image.open(self.path("c.jpg")) as again:
            wanted = np.asarray(again.convert("RGB")).astype(int)
        difference = np.abs(self.decoded(self.path("c.jpg")).astype(int) - wanted)
        self.assertLessEqual(difference.max(), 1)  # rounding of a product of two bytes

    def test_exif_orientation_is_not_applied(self):
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(scene(self.rng, 20, 30)).save(self.path("e.jpg"), exif=exif)
        self.assert_equals_pillow(self.path("e.jpg"))

    def test_exif_orientation_is_applied_on_request(self):
        kinds = {"jpg": {}, "png": {}, "webp": {"lossless": True}}
        for orientation in range(1, 9):
            for ending, options in kinds.items():
                exif = Image.Exif()
                exif[0x0112] = orientation
                path = self.path(f"{orientation}.{ending}")
                Image.fromarray(scene(self.rng, 20, 30)).save(path, exif=exif, **options)
                self.run_driver("turn", path, self.path("turned.npy"))
                with Image.open(path) as picture:
                    wanted = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
                np.testing.assert_array_equal(np.load(self.path("turned.npy")), wanted, path)

    def test_the_orientation_of_a_tiff_is_applied_always(self):
        for orientation in range(1, 9):
            path = self.path(f"{orientation}.tiff")
            Image.fromarray(scene(self.rng, 20, 30)).save(path, tiffinfo={0x0112: orientation})
            self.assert_equals_pillow(path)

    def test_masks(self):
        labels = np.zeros((19, 27), np.uint8)
        labels[3:9, 5:20] = 1
        labels[8:15, 18:25] = 200
        opacity = np.full_like(labels, 255)
        opacity[:, 10:12] = 0
        opacity[5, :] = 1
        grey = Image.fromarray(labels)
        clear = Image.fromarray(opacity)
        palette = Image.fromarray(labels, mode="P")
        palette.putpalette([90, 90, 90] * 256)
        black = Image.new("L", grey.size)
        inside, seen = labels > 0, opacity > 0
        kinds = {
            "L": (grey, inside, {}),
            "1": (Image.fromarray(inside), inside, {}),
            "I;16": (Image.fromarray(labels.astype(np.uint16)), inside, {}),
            "LA": (Image.merge("LA", (grey, clear)), inside & seen, {}),
            "RGB": (Image.merge("RGB", (black, grey, black)), inside, {}),
            "RGBA": (Image.merge("RGBA", (black, black, grey, clear)), inside & seen, {}),
            "P": (palette, inside, {}),
            "P, alpha of each index": (palette, labels == 200, {"transparency": b"\0" * 2}),
            "P, index 1 is clear": (palette, labels == 200, {"transparency": 1}),
            "L, 200 is clear": (grey, labels == 1, {"transparency": 200}),
        }
        for name, (picture, wanted, options) in kinds.items():
            picture.save(self.path("m.png"), **options)
            self.run_driver("mask", self.path("m.png"), self.path("m.npy"))
            np.testing.assert_array_equal(np.load(self.path("m.npy")), wanted, name)

    def test_png_kinds(self):
        colours = scene(self.rng, 33, 47)
        kinds = {
            "rgb": Image.fromarray(colours),
            "grey": Image.fromarray(colours[..., 0]),
            "palette": Image.fromarray(colours).quantize(37),
            "one_bit": Image.fromarray(colours[..., 0]).convert("1"),
        }
        for name, picture in kinds.items():
            picture.save(self.path(name + ".png"))
            self.assert_equals_pillow(self.path(name + ".png"))

    def test_png_with_chunks_that_libpng_comments_on(self):
        extra = PngImagePlugin.PngInfo()
        extra.add_text("Comment", "x" * 100)
        extra.add(b"iCCP", b"broken profile")
        Image.fromarray(scene(self.rng, 9, 9)).save(self.path("t.png"), pnginfo=extra)
        wanted = scene(random.Random(7), 9, 9)
        np.testing.assert_array_equal(self.decoded(self.path("t.png")), wanted)

    def test_16_bit_grey_keeps_the_high_byte(self):
        values = np.random.default_rng(1).integers(0, 65536, (21, 23), dtype=np.uint16)
        Image.fromarray(values).save(self.path("16.png"))
        wanted = np.repeat((values >> 8).astype(np.uint8)[..., None], 3, -1)
        np.testing.assert_array_equal(self.decoded(self.path("16.png")), wanted)

    def test_alpha_lies_on_white(self):
        for mode, channels in (("RGBA", 4), ("LA", 2)):
            picture = Image.fromarray(scene(self.rng, 31, 17, channels), mode=mode)
            picture.save(self.path("a.png"))
            white = Image.new("RGBA", picture.size, "white")
            wanted = np.asarray(
                Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")).astype(int)
            difference = np.abs(self.decoded(self.path("a.png")).astype(int) - wanted)
            self.assertLessEqual(difference.max(), 1, mode)

    def test_16_bit_colours_keep_the_high_byte(self):
        # Pillow writes no such file: the PNG is put together here, its rows unfiltered.
        values = np.random.default_rng(2).integers(0, 65536, (13, 11, 3), dtype=np.uint16)
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

        def chunk(kind, data):
            return (struct.pack(">I", len(data)) + kind + data
                    + struct.pack(">I", zlib.crc32(kind + data)))

        with open(self.path("16.png"), "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n"
                       + chunk(b"IHDR", struct.pack(">IIBBBBB", 11, 13, 16, 2, 0, 0, 0))
                       + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
        np.testing.assert_array_equal(self.decoded(self.path("16.png")), (values >> 8).astype(np.uint8))

    def test_lossless_webp_with_alpha_lies_on_white(self):
        picture = Image.fromarray(scene(self.rng, 21, 26, 4), mode="RGBA")
        picture.save(self.path("a.webp"), lossless=True, exact=True)
        white = Image.new("RGBA", picture.size, "white")
        wanted = np.asarray(Image.alpha_composite(white, picture).convert("RGB")).astype(int)
        difference = np.abs(self.decoded(self.path("a.webp")).astype(int) - wanted)
        self.assertLessEqual(difference.max(), 1)

    def test_other_formats(self):
        for ending, options in (("bmp", {}), ("tiff", {}), ("webp", {"lossless": True})):
            for grey in (False, True):
                colours = scene(self.rng, 19, 27)
                path = self.path(f"{grey}.{ending}")
                Image.fromarray(colours[..., 0] if grey else colours).save(path, **options)
                self.assert_equals_pillow(path)

    def test_every_cut_is_an_error(self):
        picture = Image.fromarray(scene(self.rng, 40, 50))
        for ending, options in (("jpg", {}), ("jpg", {"progressive": True}), ("png", {}),
                                ("bmp", {}), ("tiff", {}), ("webp", {})):
            whole = self.path("whole." + ending)
            picture.save(whole, **options)
            with open(whole, "rb") as file:
                data = file.read()
            for part in (0, 0.02, 0.3, 0.7, 0.97):
                cut = self.path("cut." + ending)
                with open(cut, "wb") as file:
                    file.write(data[: int(len(data) * part)])
                message = self.driver_error("decode", cut, self.path("none.npy"))
                self.assertIn("cut." + ending, message)

    def odd_size(self, i):
        """Photographs, slim strips, 1-pixel sides, and pictures smaller than what is asked for."""
        if i % 8 == 0:
            return 1, self.rng.randint(1, 500)
        if i % 8 == 1:
            return self.rng.randint(1, 500), 1
        if i % 8 == 2:
            sides = [self.rng.randint(2, 9), self.rng.randint(300, 900)]
            self.rng.shuffle(sides)
            return tuple(sides)
        if i % 8 == 3:
            return self.rng.randint(2, 40), self.rng.randint(2, 40)
        return self.rng.randint(41, 400), self.rng.randint(41, 400)

    def test_resize(self):
        words, wanted, cases = [], [], []
        for i in range(500):
            h, w = self.odd_size(i)
            size = self.rng.choice([1, 7, 97, 224, 224, 320, 320])
            picture = Image.fromarray(scene(self.rng, h, w))
            path = self.path(f"{i}.png")
            picture.save(path, compress_level=1)
            words += [str(size), path, self.path(f"{i}.npy")]
            cases.append(f"{h} x {w} to {size}")
            if h > 100 * w:  # Pillow 12.2 begins with the columns of such strips, older ones do not
                picture = picture.resize((size, h), Image.Resampling.BILINEAR)
            wanted.append(np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR)))
        self.run_driver("resize", *words)
        for i, expected in enumerate(wanted):
            np.testing.assert_array_equal(np.load(self.path(f"{i}.npy")), expected, cases[i])

    def test_what_the_network_sees(self):
        mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
        picture = Image.fromarray(scene(self.rng, 480, 640))
        picture.save(self.path("p.jpg"), quality=90)
        for size in (224, 320):
            self.run_driver("input", str(size), self.path("p.jpg"), self.path("input.npy"))
            with Image.open(self.path("p.jpg")) as again:
                resized = again.resize((size, size), Image.Resampling.BILINEAR)
            wanted = ((np.asarray(resized) / 255 - mean) / deviation).transpose(2, 0, 1)
            got = np.load(self.path("input.npy"))
            self.assertEqual((got.dtype, got.shape), (np.float32, (3, size, size)))
            np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6)

    def test_written_png(self):
        colours = scene(self.rng, 150, 201)
        Image.fromarray(colours).save(self.path("in.png"))
        self.run_driver("png", self.path("in.png"), self.path("small.png"), self.path("stored.png"))
        for name in ("small.png", "stored.png"):
            with Image.open(self.path(name)) as again:
                self.assertEqual(again.mode, "RGB")
                np.testing.assert_array_equal(np.asarray(again), colours)


if __name__ == "__main__":
    peers.main()
