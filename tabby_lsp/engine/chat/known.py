"""Templates of known families, for model files without one of their own, or with one that cannot be used.

A row fits where the vocabulary has all the markers that it needs; the first that fits is taken. Each was read off
the family's own template, as llama.cpp has them collected (models/templates and src/llama-chat.cpp).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tabby_lsp.engine.chat.forms import Frame

TEXT = "{}"


@dataclass(frozen=True, slots=True)
class Known:
    """A family's turns, each with `{}` where its text stands.

    Attributes:
        name: of the family.
        needs: markers by which it is known.
        user: a turn of the user.
        assistant: an answer that was given.
        answer: what an answer begins with, where it is not what stands before `assistant`'s text.
        system: the system's turn; empty: it has none.
        start: what everything begins with.
    """

    name: str
    needs: tuple[str, ...]
    user: str
    assistant: str
    system: str = ""
    answer: str = ""
    start: str = ""

    def frame(self) -> Frame:
        """What stands around the turns."""
        before_user, after_user = self.user.split(TEXT)
        before_answer, after_answer = self.assistant.split(TEXT)
        before_system, _, after_system = self.system.partition(TEXT)
        return Frame(
            system=self.start + before_system if self.system else None,
            system_user=after_system + before_user,
            user=self.start + before_user,
            user_assistant=after_user + before_answer,
            assistant_user=after_answer + before_user,
            answer=after_user + (self.answer or before_answer),
        )


ROWS: tuple[Known, ...] = (
    Known(  # microsoft/phi-4; before chatml, whose markers it has too
        "phi-4",
        ("<|im_start|>", "<|im_sep|>", "<|im_end|>"),
        system="<|im_start|>system<|im_sep|>{}<|im_end|>",
        user="<|im_start|>user<|im_sep|>{}<|im_end|>",
        assistant="<|im_start|>assistant<|im_sep|>{}<|im_end|>",
    ),
    Known(  # Qwen2.5, Yi, SmolLM2, Hermes
        "chatml",
        ("<|im_start|>", "<|im_end|>"),
        system="<|im_start|>system\n{}<|im_end|>\n",
        user="<|im_start|>user\n{}<|im_end|>\n",
        assistant="<|im_start|>assistant\n{}<|im_end|>\n",
    ),
    Known(  # Llama 4
        "llama-4",
        ("<|header_start|>", "<|header_end|>", "<|eot|>"),
        system="<|header_start|>system<|header_end|>\n\n{}<|eot|>",
        user="<|header_start|>user<|header_end|>\n\n{}<|eot|>",
        assistant="<|header_start|>assistant<|header_end|>\n\n{}<|eot|>",
    ),
    Known(  # Llama 3, 3.1, 3.2, 3.3
        "llama-3",
        ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        system="<|start_header_id|>system<|end_header_id|>\n\n{}<|eot_id|>",
        user="<|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>",
        assistant="<|start_header_id|>assistant<|end_header_id|>\n\n{}<|eot_id|>",
    ),
    Known(  # Gemma 1, 2, 3 and CodeGemma: no system
        "gemma",
        ("<start_of_turn>", "<end_of_turn>"),
        user="<start_of_turn>user\n{}<end_of_turn>\n",
        assistant="<start_of_turn>model\n{}<end_of_turn>\n",
    ),
    Known(  # Granite 3 and 4
        "granite",
        ("<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>"),
        system="<|start_of_role|>system<|end_of_role|>{}<|end_of_text|>\n",
        user="<|start_of_role|>user<|end_of_role|>{}<|end_of_text|>\n",
        assistant="<|start_of_role|>assistant<|end_of_role|>{}<|end_of_text|>\n",
    ),
    Known(  # Phi-3, Phi-3.5
        "phi-3",
        ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
        system="<|system|>\n{}<|end|>\n",
        user="<|user|>\n{}<|end|>\n",
        assistant="<|assistant|>\n{}<|end|>\n",
    ),
    Known(  # DeepSeek V2.5, V3, R1
        "deepseek-3",
        ("<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>"),
        system="{}",
        user="<｜User｜>{}",
        assistant="<｜Assistant｜>{}<｜end▁of▁sentence｜>",
    ),
    Known(  # Mistral Small 3, Devstral, Magistral (llama.cpp: mistral-v7-tekken)
        "mistral-v7",
        ("[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[INST]", "[/INST]", "</s>"),
        system="[SYSTEM_PROMPT]{}[/SYSTEM_PROMPT]",
        user="[INST]{}[/INST]",
        assistant="{}</s>",
    ),
    Known(  # Mistral 7B v0.3, Codestral, Nemo: the system's text in front of the user's
        "mistral-v3",
        ("[INST]", "[/INST]", "</s>"),
        user="[INST] {}[/INST]",
        assistant=" {}</s>",
    ),
    Known(  # Command R, R+, Aya
        "command-r",
        ("<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>", "<|SYSTEM_TOKEN|>"),
        system="<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>{}<|END_OF_TURN_TOKEN|>",
        user="<|START_OF_TURN_TOKEN|><|USER_TOKEN|>{}<|END_OF_TURN_TOKEN|>",
        assistant="<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>{}<|END_OF_TURN_TOKEN|>",
    ),
    Known(  # EXAONE 3, 3.5
        "exaone-3",
        ("[|system|]", "[|user|]", "[|assistant|]", "[|endofturn|]"),
        system="[|system|]{}[|endofturn|]\n",
        user="[|user|]{}\n",
        assistant="[|assistant|]{}[|endofturn|]\n",
    ),
    Known(  # GLM-4
        "glm-4",
        ("[gMASK]", "<sop>", "<|user|>", "<|assistant|>", "<|system|>"),
        start="[gMASK]<sop>",
        system="<|system|>\n{}",
        user="<|user|>\n{}",
        assistant="<|assistant|>\n{}",
        answer="<|assistant|>\n",
    ),
    Known(  # deepseek-coder, first generation: words and one marker
        "deepseek-coder",
        ("<|EOT|>",),
        system="{}\n",
        user="### Instruction:\n{}\n",
        assistant="### Response:\n{}\n<|EOT|>\n",
    ),
)
WORDS = Known(  # Alpaca's, which many models have seen, and which reads well to one that has not
    "words",
    (),
    system="{}\n\n",
    user="### Instruction:\n{}\n\n",
    assistant="### Response:\n{}\n\n",
)
"""For a vocabulary without any of these markers."""


def known(has_marker: Callable[[str], bool]) -> Known:
    """The row for a vocabulary.

    Args:
        has_marker: whether it has a special token of that text.
    """
    return next((row for row in ROWS if all(has_marker(marker) for marker in row.needs)), WORDS)
