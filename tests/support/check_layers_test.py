"""Plants each kind of fault in a small tree and checks that check_layers finds that one alone."""

import unittest

import check_layers
import tree_check

SOUND = {
    "include/pcnet/core/error.h": "#pragma once\n#include <string>\n",
    "include/pcnet/config/config.h": '#pragma once\n#include "pcnet/core/error.h"\n',
    "include/pcnet/image/picture.h": '#include <torch/types.h>\n#include "pcnet/core/error.h"\n',
    "include/pcnet/text/tokenizer.h": "#pragma once\n",
    "src/image/picture.cpp": '#include "pcnet/image/picture.h"\n#include "pcnet/config/config.h"\n',
    "tests/unit/core/error_test.cpp": '#include "pcnet/image/picture.h"\n',
}


class CheckLayers(tree_check.PlantedTree):
    SOUND = SOUND

    def check(self, root):
        return check_layers.check(root)

    def test_a_sound_tree_has_no_fault(self):
        self.assertEqual(self.faults({}), [])

    def test_an_include_of_a_higher_layer_is_found(self):
        self.assert_one({"include/pcnet/core/log.h": '\n#include "pcnet/image/picture.h"\n'},
                        "include/pcnet/core/log.h:2", "above core")

    def test_an_include_of_the_same_row_is_allowed(self):
        self.assertEqual(self.faults({"src/image/mask.cpp": '#include "pcnet/text/tokenizer.h"\n'}),
                         [])

    def test_an_include_of_a_higher_room_is_found(self):
        for included in ("data/pack/pack_index.h", "pcnet/data/pack/pack.h"):
            self.assert_one({"include/pcnet/data/cues/cue_store.h": "\n",
                             "src/data/cues/cue_store.cpp": f'#include "{included}"\n'},
                            "src/data/cues/cue_store.cpp:1", "data/pack is above data/cues")

    def test_an_include_of_a_lower_room_is_allowed(self):
        self.assertEqual(self.faults({
            "include/pcnet/data/pack/pack.h": '#include "pcnet/data/cues/cue_store.h"\n',
            "src/data/pack/pack.cpp": '#include "data/annotations/refer_parts.h"\n'}), [])

    def test_a_file_of_no_room_is_found(self):
        self.assert_one({"include/pcnet/data/a.h": "\n"}, "no known layer")

    def test_angle_brackets_hide_nothing(self):
        self.assert_one({"src/image/mask.cpp": "#include <pcnet/clip/clip.h>\n"}, "above image")

    def test_torch_in_a_config_header_is_found(self):
        for header in ("torch/types.h", "ATen/core/Tensor.h", "c10/core/Device.h"):
            self.assert_one({"include/pcnet/config/run.h": f"#include <{header}>\n"}, header)

    def test_an_unknown_layer_is_found(self):
        self.assert_one({"include/pcnet/tools/a.h": "\n"}, "no known layer")

    def test_a_source_folder_without_headers_is_found(self):
        self.assert_one({"src/metrics/iou.cpp": "\n"}, "include/pcnet/metrics")

    def test_a_vague_name_is_found(self):
        for name in ("src/image/utils.cpp", "tests/support/helpers.h", "apps/pcnet/common.h"):
            self.assert_one({name: "\n"}, name)


if __name__ == "__main__":
    unittest.main()
