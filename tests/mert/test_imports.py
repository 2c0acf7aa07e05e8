import subprocess
import sys


def test_planning_does_not_load_torch() -> None:
    code = (
        "import sys, apex_core.mert as m; from pathlib import Path; from apex_core.settings import EncoderSettings;"
        "m.describe_encoder(EncoderSettings(source='tiny-random'), Path('unused'));"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_documented_name_is_there() -> None:
    import apex_core.mert as mert

    assert all(getattr(mert, name) is not None for name in mert.__all__)
