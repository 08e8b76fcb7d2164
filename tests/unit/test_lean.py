"""What the library leaves out of torch and transformers is not needed to train or to hear."""

import subprocess
import sys

HEARD = """
import sys
from authenticity import lean
lean.start()
transformers = lean.transformers()
shape = transformers.Wav2Vec2Config(
    hidden_size=16, num_hidden_layers=1, intermediate_size=16, num_attention_heads=1,
    conv_dim=(8, 8), conv_kernel=(10, 3), conv_stride=(5, 2), num_conv_pos_embedding_groups=2)
import torch
torch.manual_seed(0)
network = transformers.AutoModel.from_config(shape).eval()
optimiser = torch.optim.AdamW(network.parameters())
def loss():
    return network(torch.ones(1, 400)).last_hidden_state[..., 0].sum()
before = loss()
before.backward()
optimiser.step()
print(loss() < before)
left_out = "torch._dynamo.utils", "torch.distributed.tensor", "scipy.optimize", "sympy"
with torch.device("meta"):
    transformers.AutoModel.from_config(shape)
print(transformers.models.whisper.__name__, hasattr(transformers.models, "nothing"))
print([name for name in left_out if name in sys.modules], torch.distributed.is_available())
"""


def test_an_encoder_is_trained_and_heard_without():
    done = subprocess.run([sys.executable, "-c", HEARD], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "tensor(True)",
        "transformers.models.whisper False",
        "[] True",
    ]
