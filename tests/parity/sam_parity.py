"""Segment Anything's networks and predictor against segment-anything and MobileSAM, with the same
random weights: the plain transformer with a window and a global block at ViT-B's, L's and H's
widths, TinyViT as a whole."""

import peers
import sam_peers

np = peers.peer("numpy")
torch = peers.peer("torch")
safetensors = peers.peer("safetensors.torch")

TOLERANCE = 1e-5


def picture(height, width, seed):
    """Smooth shapes and noise."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [127 + 100 * np.sin(rows / (9 + c) + columns / (7 + 2 * c)) for c in range(3)]
    noise = random.integers(-25, 26, (height, width, 3))
    return np.clip(np.stack(waves, -1) + noise, 0, 255).astype(np.uint8)


class Sam(peers.DriverTest):
    def check(self, model, package, images, prompts):
        """`prompts` by the image's name: keyword arguments of SamPredictor.predict."""
        torch.save(model.state_dict(), self.path("sam.pth"))
        inputs, wanted = {}, {}
        predictor = package.SamPredictor(model)
        for name, pixels in images.items():
            inputs["image." + name] = torch.from_numpy(pixels)
            predictor.set_image(pixels)
            wanted[f"{name}.features"] = predictor.get_image_embedding()
            for k, prompt in enumerate(prompts[name]):
                self.ask(predictor, prompt, f"{name}.{k}", inputs, wanted)
            self.click(predictor, pixels, f"{name}.clicks", inputs, wanted)
        safetensors.save_file(inputs, self.path("inputs"))
        self.run_driver("sam", self.path("sam.pth"), self.path("inputs"), self.path("answers"))
        answers = safetensors.load_file(self.path("answers"))
        self.assertEqual(set(answers), set(wanted))
        for key, value in wanted.items():
            self.assertEqual(answers[key].shape, value.shape, key)
            apart = (answers[key] - value).abs().max().item()
            self.assertLess(apart, TOLERANCE * max(1.0, value.abs().max().item()), key)

    def ask(self, predictor, prompt, name, inputs, wanted):
        for part, key in (("point_coords", "points"), ("point_labels", "labels"), ("box", "box"),
                          ("mask_input", "mask")):
            if part in prompt:
                value = prompt[part][0] if key == "mask" else prompt[part]
                inputs[f"{name}.{key}"] = torch.from_numpy(np.array(value))
        for kind, several in (("single", False), ("multiple", True)):
            whole, iou, low = predictor.predict(
                **prompt, multimask_output=several, return_logits=True)
            wanted[f"{name}.{kind}.logits"] = torch.from_numpy(low)
            wanted[f"{name}.{kind}.iou"] = torch.from_numpy(iou)
        wanted[f"{name}.whole"] = torch.from_numpy(whole)

    def click(self, predictor, pixels, name, inputs, wanted):
        """Clicks by themselves, as the mask generator asks them: points stay doubles."""
        height, width = pixels.shape[:2]
        points = np.array([[0.3 * width, 0.4 * height], [0, 0], [width - 1, height - 1],
                           [0.7 * width, 0.1 * height], [0.5 * width, 0.9 * height]])
        inputs[name] = torch.from_numpy(points)
        scaled = torch.as_tensor(predictor.transform.apply_coords(points, (height, width)))
        labels = torch.ones(len(points), dtype=torch.int)
        _, iou, low = predictor.predict_torch(
            scaled[:, None, :], labels[:, None], multimask_output=True, return_logits=True)
        wanted[f"{name}.logits"], wanted[f"{name}.iou"] = low, iou

    def every_prompt(self, height, width):
        points = np.array([[0.2 * width, 0.3 * height], [0.6 * width, 0.5 * height], [3, 4]])
        labels = np.array([1, 0, -1])
        box = np.array([0.1 * width, 0.2 * height, 0.7 * width, 0.95 * height])
        mask = 3 * torch.randn(1, 256, 256, generator=torch.Generator().manual_seed(5)).numpy()
        return [
            {"point_coords": points[:1], "point_labels": labels[:1]},
            {"point_coords": points, "point_labels": labels},
            {"box": box},
            {"point_coords": points[:2], "point_labels": labels[:2], "box": box},
            {"point_coords": points[:1], "point_labels": labels[:1], "mask_input": mask},
            {"mask_input": mask},
        ]

    def click_alone(self, height, width):
        return self.every_prompt(height, width)[:1]

    def test_plain_transformer(self):
        package = sam_peers.segment_anything()
        images = {"wide": picture(48, 64, 1), "tall": picture(300, 201, 2)}
        prompts = {"wide": self.every_prompt(48, 64), "tall": self.click_alone(300, 201)}
        self.check(sam_peers.lively(sam_peers.plain(768, 12), seed=1), package, images, prompts)

    def test_wider_transformers(self):
        package = sam_peers.segment_anything()
        for width, heads in ((1024, 16), (1280, 16)):
            self.check(sam_peers.lively(sam_peers.plain(width, heads), seed=2), package,
                       {"a": picture(90, 120, 3)}, {"a": self.click_alone(90, 120)})

    def test_mobile_sam(self):
        package = sam_peers.mobile_sam()
        model = sam_peers.lively(package.sam_model_registry["vit_t"](), seed=3)
        images = {"large": picture(1100, 1400, 4)}
        self.check(model, package, images, {"large": self.every_prompt(1100, 1400)[:3]})

    def test_says_what_does_not_fit(self):
        state = sam_peers.plain(768, 12).state_dict()
        state["mask_decoder.hf_token.weight"] = torch.zeros(1, 256)
        torch.save(state, self.path("hq.pth"))
        self.assertIn("SAM-HQ", self.driver_error("sam-name", self.path("hq.pth")))
        del state["mask_decoder.hf_token.weight"], state["prompt_encoder.no_mask_embed.weight"]
        state["mask_decoder.iou_token.weight"] = torch.zeros(2, 256)
        torch.save(state, self.path("cut.pth"))
        said = self.driver_error("sam-name", self.path("cut.pth"))
        self.assertIn("missing prompt_encoder.no_mask_embed.weight", said)
        self.assertIn("mask_decoder.iou_token.weight is [2, 256], wanted [1, 256]", said)


if __name__ == "__main__":
    peers.main()
