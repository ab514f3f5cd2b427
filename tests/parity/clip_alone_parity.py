"""CLIP alone on proposals: crops and places in the whole image, by open_clip and torch."""

import clip_peers
import peers

torch = peers.peer("torch")
safetensors = peers.peer("safetensors.torch")

SIDE = 64
CLIP_COLOURS = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
IMAGENET_COLOURS = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def channel(values):
    return torch.tensor(values, dtype=torch.float32).view(1, 3, 1, 1)


def normalised(picture, colours):
    return (picture[None].float() / 255 - channel(colours[0])) / channel(colours[1])


def resized(picture):
    return torch.nn.functional.interpolate(picture, (SIDE, SIDE), mode="bicubic", antialias=True)


def unit(vectors):
    return vectors / vectors.norm(dim=1, keepdim=True)


class ClipAlone(clip_peers.ClipTest):
    """A small CLIP in RN50's form: 2, 2, 2, 2 blocks of width 16, 64 px."""

    tolerance = 1e-5

    def setUp(self):
        super().setUp()
        open_clip = clip_peers.open_clip()
        self.model = clip_peers.lively(
            open_clip.CLIP(
                embed_dim=48,
                vision_cfg={"layers": [2, 2, 2, 2], "width": 16, "image_size": SIDE},
                text_cfg={"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1,
                          "layers": 2},
                quick_gelu=True),
            seed=3)
        safetensors.save_file(self.model.state_dict(), self.path("weights"))
        self.picture = torch.randint(
            0, 256, (3, 90, 130), dtype=torch.uint8, generator=self.generator)
        masks = torch.zeros(5, 90, 130, dtype=torch.uint8)
        masks[0, 10:50, 20:100] = 1
        masks[0, 20:30, 40:60] = 0
        masks[1, 0:4, 0:7] = 1
        masks[2] = 1
        masks[3, 60:90, 110:130] = torch.randint(
            0, 2, (30, 20), dtype=torch.uint8, generator=self.generator)
        masks[4, 44, 3:120] = 1
        self.masks = masks
        self.sentences = clip_peers.texts(self.generator)[:4]

    def crops(self, colours, fill):
        pixels = normalised(self.picture, colours)
        crops = []
        for mask in self.masks:
            rows, columns = torch.where(mask > 0)
            box = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
            seen = torch.where(mask.bool()[None, None], pixels, channel(fill))
            crops.append(resized(seen[..., box[0], box[1]]))
        return unit(self.model.encode_image(torch.cat(crops)))

    def places(self, colours):
        visual = self.model.visual
        grid = visual.layer4(visual.layer3(visual.layer2(visual.layer1(
            visual.stem(resized(normalised(self.picture, colours)))))))
        shares = torch.nn.functional.interpolate(
            self.masks[:, None].float(), grid.shape[2:], mode="bilinear", align_corners=False)
        return visual.attnpool(unit(grid) * shares)

    def test_equals_the_formulas(self):
        safetensors.save_file({"picture": self.picture, "masks": self.masks}, self.path("inputs"))
        self.run_driver("clip-proposals", self.path("weights"), self.path("inputs"),
                        self.path("answers"))
        answers = safetensors.load_file(self.path("answers"))
        crops = self.crops(CLIP_COLOURS, (0, 0, 0))
        self.assert_near("crops", answers["crops"], crops)
        own = self.crops(IMAGENET_COLOURS, IMAGENET_COLOURS[0])
        self.assert_near("zero-shot crops", answers["zero_shot_crops"], own)
        places = self.places(IMAGENET_COLOURS)
        self.assert_near("places", answers["places"], places)
        texts = unit(self.model.encode_text(self.sentences))
        self.assert_near("clip-crop", answers["crops"] @ texts.T, crops @ texts.T)
        for weight in (0.95, 0.85):
            self.assert_near(
                f"clip-global-local {weight}",
                (weight * answers["places"] + (1 - weight) * answers["zero_shot_crops"]) @ texts.T,
                (weight * places + (1 - weight) * own) @ texts.T)


if __name__ == "__main__":
    peers.main()
