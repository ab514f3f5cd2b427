"""OpenAI's own RN50 weights: the encoders against open_clip, and a zero-shot classification.

Runs where PCNET_CLIP_RN50 holds the path of RN50.pt; without it CTest reports the test as skipped.
"""

import os
import sys

import clip_peers
import peers

np = peers.peer("numpy")
torch = peers.peer("torch")
Image = peers.peer("PIL.Image")
ImageDraw = peers.peer("PIL.ImageDraw")

PATH = os.environ.get("PCNET_CLIP_RN50")
SKIPPED = 77  # CTest's SKIP_RETURN_CODE
PROMPTS = ("a red circle", "a blue square", "a green triangle", "a photo of a dog")


def published_weights(names):
    """The weights of these names in fp32; the file also holds numbers such as its vocabulary's size."""
    state = torch.jit.load(PATH, map_location="cpu").state_dict()
    return {name: value.float().contiguous() if value.is_floating_point() else value
            for name, value in state.items() if name in names}


def tokens(prompts):
    words = peers.peer_file("clip", "simple_tokenizer").SimpleTokenizer()
    rows = torch.zeros(len(prompts), 77, dtype=torch.int64)
    for row, prompt in zip(rows, prompts):
        ids = [49406, *words.encode(prompt), 49407]
        row[:len(ids)] = torch.tensor(ids)
    return rows


def drawings():
    """The first three prompts as pictures of 224 px, normalised as CLIP was trained."""
    pictures = []
    for i, colour in enumerate(("red", "blue", "green")):
        picture = Image.new("RGB", (224, 224), "white")
        draw = ImageDraw.Draw(picture)
        if i == 0:
            draw.ellipse((42, 42, 182, 182), fill=colour)
        elif i == 1:
            draw.rectangle((42, 42, 182, 182), fill=colour)
        else:
            draw.polygon(((112, 32), (32, 182), (192, 182)), fill=colour)
        pictures.append(np.asarray(picture))
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
    deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711])
    pixels = torch.from_numpy(np.stack(pictures)).float() / 255
    return ((pixels - mean) / deviation).permute(0, 3, 1, 2).contiguous()


class ReleasedRn50(clip_peers.ClipTest):
    def test_equals_open_clip_and_names_drawings(self):
        model = clip_peers.open_clip().create_model("RN50", force_quick_gelu=True).eval()
        weights = published_weights(set(model.state_dict()))
        model.load_state_dict(weights)
        inputs = {"images.drawn": drawings(), "tokens.prompts": tokens(PROMPTS)}
        answers = self.answers("RN50", 224, PATH, inputs)
        self.assert_images_near("drawn", answers, model, inputs["images.drawn"])
        self.assert_near("prompts", answers["prompts.text"],
                         model.encode_text(inputs["tokens.prompts"]))
        image = torch.nn.functional.normalize(answers["drawn.pool"], dim=1)
        text = torch.nn.functional.normalize(answers["prompts.text"], dim=1)
        chances = (weights["logit_scale"].exp() * image @ text.T).softmax(dim=1)
        print(chances)
        self.assertEqual(chances.argmax(dim=1).tolist(), [0, 1, 2])


if __name__ == "__main__":
    if not PATH:
        print("skipped: PCNET_CLIP_RN50 is not set to the path of OpenAI's RN50.pt")
        sys.exit(SKIPPED)
    peers.main()
