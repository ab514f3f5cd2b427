"""CLIP's RN101 and RN50x4 encoders at full size against open_clip, with the same random weights."""

import clip_peers
import peers

torch = peers.peer("torch")
safetensors = peers.peer("safetensors.torch")


class LargerEncoders(clip_peers.ClipTest):
    def check(self, name, size):
        model = clip_peers.lively(
            clip_peers.open_clip().create_model(name, force_quick_gelu=True), seed=2)
        safetensors.save_file(model.state_dict(), self.path("weights"))
        inputs = {"images.a": self.images(1, 3, size, size),
                  "tokens.all": clip_peers.texts(self.generator)}
        answers = self.answers(name, size, self.path("weights"), inputs)
        self.assert_images_near("a", answers, model, inputs["images.a"])
        self.assert_near("text", answers["all.text"], model.encode_text(inputs["tokens.all"]))

    def test_rn101(self):
        self.check("RN101", 224)

    def test_rn50x4(self):
        self.check("RN50x4", 288)


if __name__ == "__main__":
    peers.main()
