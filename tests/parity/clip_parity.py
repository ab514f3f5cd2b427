"""CLIP's RN50 encoders at full size against open_clip, with the same random weights."""

import copy

import clip_peers
import peers

torch = peers.peer("torch")
safetensors = peers.peer("safetensors.torch")


class Rn50(clip_peers.ClipTest):
    def setUp(self):
        super().setUp()
        open_clip = clip_peers.open_clip()
        self.model = clip_peers.lively(
            open_clip.create_model("RN50", force_quick_gelu=True), seed=1)
        safetensors.save_file(self.model.state_dict(), self.path("weights"))

    def test_equals_open_clip(self):
        self.check_images_and_texts()
        self.check_positions_of_320_px()
        self.check_half_precision_weights()

    def check_images_and_texts(self):
        inputs = {"images.a": self.images(2, 3, 224, 224), "images.larger": self.images(1, 3, 320, 320),
                  "images.wide": self.images(1, 3, 224, 320), "tokens.all": clip_peers.texts(self.generator)}
        inputs["tokens.cut"] = inputs["tokens.all"][:4, :20].clone()
        inputs["tokens.one"] = inputs["tokens.all"][4:5].clone()
        answers = self.answers("RN50", 224, self.path("weights"), inputs)
        self.assert_images_near("a", answers, self.model, inputs["images.a"])
        text = self.model.encode_text(inputs["tokens.all"])
        self.assert_near("text", answers["all.text"], text)
        self.assert_near("text of 20 columns", answers["cut.text"], text[:4])
        self.assert_near("one text", answers["one.text"], text[4:5])
        # open_clip has no positions for another size: ours must be torch's own interpolation.
        for name, height, width in (("larger", 10, 10), ("wide", 7, 10)):
            model = copy.deepcopy(self.model)
            clip_peers.place_positions(model, height, width)
            self.assert_images_near(name, answers, model, inputs["images." + name])

    def check_positions_of_320_px(self):
        """A network made for 320 px, with 101 positions of its own."""
        pool = self.model.visual.attnpool
        pool.positional_embedding = torch.nn.Parameter(self.images(101, 2048) * 0.3)
        safetensors.save_file(self.model.state_dict(), self.path("weights"))
        inputs = {"images.own320": self.images(1, 3, 320, 320)}
        answers = self.answers("RN50", 320, self.path("weights"), inputs)
        self.assert_images_near("own320", answers, self.model, inputs["images.own320"])

    def check_half_precision_weights(self):
        half = {name: value.half() if value.is_floating_point() else value
                for name, value in self.model.state_dict().items()}
        safetensors.save_file(half, self.path("weights"))
        self.run_driver("clip-weights", "RN50", "320", self.path("weights"), self.path("loaded"))
        loaded = safetensors.load_file(self.path("loaded"))
        self.assertEqual(set(loaded), set(half))
        for name, value in half.items():
            wanted = value.float() if value.is_floating_point() else value
            self.assertEqual(loaded[name].dtype, wanted.dtype, name)
            self.assertTrue(torch.equal(loaded[name], wanted), name)


if __name__ == "__main__":
    peers.main()
