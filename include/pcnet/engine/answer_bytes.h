#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pcnet/engine/evaluator.h"

namespace pcnet::engine {

/// What the sentences that were answered got, bit by bit, to send it to another process of the same
/// program: their places in `sentences` and all that answering fills in.
std::string answer_bytes(const std::vector<EvaluatedSentence>& sentences);

/// Fills in what answer_bytes() of the same split told. Error for bytes that are none of its.
void fill_answers(std::string_view bytes, std::vector<EvaluatedSentence>& sentences);

}  // namespace pcnet::engine
