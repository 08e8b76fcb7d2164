"""Small corpora, made of signals that need no licence, laid out exactly as the real ones."""

import io
import zipfile
from pathlib import Path

import av
import numpy as np
import soundfile

RATE = 16_000
PROTOCOLS = "ASVspoof2019_LA_cm_protocols"
EXTENSIONS = {"train": "trn", "dev": "trl", "eval": "trl"}


def voice(seed: int, spoof: bool, seconds: float = 1.0) -> np.ndarray:
    """A pitched, formant-like signal; a spoofed one is steadier in pitch and level."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    wobble = 0.2 if spoof else 6.0
    pitch = 110 + 80 * random.random() + wobble * np.cumsum(random.standard_normal(len(time))) / 300
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    signal = sum(np.sin(k * phase) / k**1.2 for k in range(1, 20))
    envelope = 0.3 + 0.7 * np.abs(np.sin(2 * np.pi * (2 + random.random()) * time)) ** 2
    signal = signal * envelope + random.standard_normal(len(time)) * (0.01 if spoof else 0.03)
    return (0.3 * signal / np.abs(signal).max()).astype(np.float32)


def encoded(samples: np.ndarray, rate: int = RATE, **options) -> bytes:
    """Samples as a file's content, FLAC unless told otherwise."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, **({"format": "FLAC"} | options))
    return buffer.getvalue()


def asvspoof2019_la(
    per_split: int = 12, splits: tuple[str, ...] = ("train", "dev", "eval"), prefix: str = ""
) -> dict[str, bytes]:
    """The files of a small corpus in ASVspoof 2019 LA's layout, by path.

    Half of each split is bona fide; speakers are disjoint between splits, and both classes have
    three speakers in each.
    """
    files: dict[str, bytes] = {}
    for split_index, split in enumerate(splits):
        lines = []
        for index in range(per_split):
            spoof = index % 2 == 1
            key = f"LA_{split[0].upper()}_{1000000 + 97 * index}"
            speaker = f"LA_{split_index:02}{index // 2 % 3:02}"
            attack = f"A{split_index * 2 + index // 2 % 2 + 1:02}" if spoof else "-"
            lines.append(f"{speaker} {key} - {attack} {'spoof' if spoof else 'bonafide'}")
            samples = voice(1000 * split_index + index, spoof, 0.6 + 0.1 * (index % 4))
            files[f"{prefix}ASVspoof2019_LA_{split}/flac/{key}.flac"] = encoded(samples)
        protocol = f"ASVspoof2019.LA.cm.{split}.{EXTENSIONS[split]}.txt"
        files[f"{prefix}{PROTOCOLS}/{protocol}"] = ("\n".join(lines) + "\n").encode()
    return files


def clip(index: int, spoof: bool, container: str = "WAV") -> bytes:
    """The content of one short audio file."""
    return encoded(voice(index, spoof, 0.6), format=container)


def asv_scores_2019(prefix: str = "") -> dict[str, bytes]:
    """The organisers' ASV scores of 2019 LA, as they lie beside the protocols."""
    lines = b"bonafide target 7.98\nbonafide nontarget -3.5\nA07 spoof -1.2\nA08 spoof 2.25\n"
    folder = f"{prefix}ASVspoof2019_LA_asv_scores"
    return {
        f"{folder}/ASVspoof2019.LA.asv.{split}.gi.trl.scores.txt": lines
        for split in ("dev", "eval")
    }


def asvspoof2021_la(keys: str = "keys/LA") -> dict[str, bytes]:
    """ASVspoof 2021 LA with its full keys and ASV scores: eight trials of eval, two of others."""
    files, trials = {}, []
    for index in range(10):
        spoof = index % 2 == 1
        subset = {8: "progress", 9: "hidden"}.get(index, "eval")
        codec, route = (("alaw", "ita_tx"), ("none", "-"))[index // 2 % 2]
        attack = ("A07", "A19")[index // 2 % 2] if spoof else "bonafide"
        key, label = f"LA_E_{9000000 + 11 * index}", "spoof" if spoof else "bonafide"
        trim = "trim" if subset == "hidden" else "notrim"
        trials.append(f"LA_00{index % 4:02} {key} {codec} {route} {attack} {label} {trim} {subset}")
        files[f"ASVspoof2021_LA_eval/flac/{key}.flac"] = clip(index, spoof, "FLAC")
    asv = [
        ("LA_0007", "LA_E_5013670", "alaw ita_tx bonafide nontarget notrim eval", "-5.5"),
        ("LA_0008", "LA_E_5013671", "alaw ita_tx bonafide target notrim eval", "12.25"),
        ("LA_0008", "LA_E_5013672", "alaw ita_tx A07 spoof notrim eval", "3"),
        ("LA_0008", "LA_E_5013673", "none - A07 spoof notrim progress", "4"),
    ]
    return files | {
        f"{keys}/CM/trial_metadata.txt": text(trials),
        f"{keys}/ASV/trial_metadata.txt": text([f"{a} {b} {c}" for a, b, c, _ in asv]),
        f"{keys}/ASV/ASVTorch_Kaldi/score.txt": text([f"- {b} {d}" for _, b, _, d in asv]),
    }


def asvspoof2021_df(folders: tuple[str, ...] = ("ASVspoof2021_DF_eval/flac",)) -> dict[str, bytes]:
    """ASVspoof 2021 DF with its full keys, its audio dealt over the folders."""
    lines = [
        "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress "
        "traditional_vocoder - - - -",
        "TEF2 DF_E_2000013 low_m4a vcc2020 Task1-team20 spoof notrim eval "
        "neural_vocoder_nonautoregressive Task1 team20 FF E",
        "TGF1 DF_E_2000024 mp3m4a vcc2020 Task2-team12 spoof notrim eval "
        "traditional_vocoder Task2 team12 FF G",
        "LA_0043 DF_E_2000026 mp3m4a asvspoof A09 spoof notrim eval traditional_vocoder - - - -",
        "LA_0043 DF_E_2000027 low_mp3 asvspoof - bonafide notrim eval bonafide - - - -",
        "VCC2TM2 DF_E_2000028 mp3m4a vcc2018 - bonafide notrim eval bonafide - - - -",
    ]
    files = {"keys/DF/CM/trial_metadata.txt": text(lines)}
    for index, line in enumerate(lines):
        name = f"{folders[index % len(folders)]}/{line.split()[1]}.flac"
        files[name] = clip(index, " spoof " in line, "FLAC")
    return files


def asvspoof5(protocols: str = "ASVspoof5_protocols/") -> dict[str, bytes]:
    """ASVspoof 5, track 1."""
    files: dict[str, bytes] = {}
    for letter, name, folder in (
        ("T", "train", "flac_T"),
        ("D", "dev.track_1", "flac_D"),
        ("E", "eval.track_1", "flac_E_eval"),
    ):
        lines = []
        for index in range(8):
            spoof = index % 2 == 1
            key = f"{letter}_{index:010}"
            coded = f"C05 3 {letter}_0000000099" if letter == "E" and index >= 4 else "- - -"
            kind = (
                f"AC{index // 2 % 2 + 1} A1{index // 2 % 2} spoof"
                if spoof
                else "- bonafide bonafide"
            )
            lines.append(
                f"{letter}_00{index // 2 % 3:02} {key} {'FM'[index // 4]} {coded} {kind} -"
            )
            files[f"{folder}/{key}.flac"] = clip(index, spoof, "FLAC")
        files[f"{protocols}ASVspoof5.{name}.tsv"] = text(lines)
    return files


FAKEAVCELEB_HEADERS = {
    "as published": "source,target1,target2,method,category,type,race,gender,path,",
    "repaired": "source,target1,target2,method,category,type,race,gender,filename,path",
    "repaired, with a comma left over": (
        "source,target1,target2,method,category,type,race,gender,filename,path,"
    ),
    "written by pandas": ",source,target1,target2,method,category,type,race,gender,path,Unnamed: 9",
    "whole paths": "source,target1,target2,method,category,type,race,gender,filename,path",
}


def fakeavceleb(form: str = "as published", prefix: str = "FakeAVCeleb_v1.2/") -> dict[str, bytes]:
    """FakeAVCeleb v1.2 with two persons, each with the four kinds of video."""
    files: dict[str, bytes] = {}
    lines = [FAKEAVCELEB_HEADERS[form]]
    persons = (("id00076", "African", "men", 1), ("id00220", "Caucasian (European)", "women", 2))
    for source, race, gender, seed in persons:
        real, fake = video(voice(seed, False, 0.6)), video(voice(seed + 50, True, 0.6))
        for category, method, name, content in (
            ("RealVideo-RealAudio", "real", "00109.mp4", real),
            ("FakeVideo-RealAudio", "faceswap", "00109_id00476_Isiqutin.mp4", real),
            ("RealVideo-FakeAudio", "rtvc", "00109_fake.mp4", fake),
            ("FakeVideo-FakeAudio", "wav2lip", "00109_0_id00476_wavtolip.mp4", fake),
        ):
            folder = f"{category}/{race}/{gender}/{source}"
            files[f"{prefix}{folder}/{name}"] = content
            fields = [source, "-", "-", method, "A", category, race, gender, name]
            fields.append(f"FakeAVCeleb/{folder}")
            if form == "whole paths":
                fields[-1] += f"/{name}"
            if form == "written by pandas":
                fields.insert(0, str(len(lines) - 1))
            if form == "repaired, with a comma left over":
                fields.append("")
            lines.append(",".join(fields))
    return files | {f"{prefix}meta_data.csv": text(lines)}


def in_the_wild(prefix: str = "release_in_the_wild/") -> dict[str, bytes]:
    """In-the-Wild with three persons, each with both classes."""
    lines = ["file,speaker,label"]
    files = {}
    for index in range(12):
        person = ("Alec Guinness", "Barack Obama", "Queen Elizabeth II")[index // 2 % 3]
        lines.append(f"{index}.wav,{person},{('bona-fide', 'spoof')[index % 2]}")
        files[f"{prefix}{index}.wav"] = clip(index, index % 2 == 1)
    return files | {f"{prefix}meta.csv": text(lines)}


def wavefake(reals: bool = True) -> dict[str, bytes]:
    """WaveFake, and below the same root the recordings that it was made from."""
    fakes = (
        "ljspeech_melgan/LJ001-0001_gen.wav",
        "ljspeech_multi_band_melgan/LJ001-0001_gen.wav",
        "ljspeech_hifiGAN/LJ001-0001_generated.wav",
        "jsut_multi_band_melgan/BASIC5000_0001_gen.wav",
        "common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech/gen_0.wav",
    )
    files = {f"generated_audio/{path}": clip(i, True) for i, path in enumerate(fakes)}
    if reals:
        files |= {
            "LJSpeech-1.1/wavs/LJ001-0001.wav": clip(10, False),
            "LJSpeech-1.1/metadata.csv": b"LJ001-0001|Printing|Printing\n",
            "jsut_ver1.1/basic5000/wav/BASIC5000_0001.wav": clip(11, False),
        }
    return files


MLAAD_HEADER = (
    "path|original_file|language|is_original_language|duration|training_data|model_name|"
    "architecture|transcript"
)


def mlaad(reals: bool = True) -> dict[str, bytes]:
    """MLAAD, and below the same root some of M-AILABS."""
    files: dict[str, bytes] = {}
    for language, system, architecture in (
        ("en", "OpenAI TTS-1 HD", "unknown"),
        ("de", "tts_models_de_thorsten_vits", "vits"),
        ("de", "griffin_lim", "griffin_lim"),
    ):
        folder = f"fake/{language}/{system}"
        original = f"{language}_XX/by_book/female/eva_k/grune_haus/wavs/grune_haus_01_f000001.wav"
        lines = [MLAAD_HEADER]
        for index in range(2):
            name = f"a clip {index}.wav"
            lines.append(
                f"./{folder}/{name}|{original}|{language}|True|3.2|css10|{system}|{architecture}|"
                'He said: "no\u2028and left, | at once.'
            )
            files[f"{folder}/{name}"] = clip(index, True)
        files[f"{folder}/meta.csv"] = text(lines)
    if reals:
        files |= {
            "de_DE/by_book/female/eva_k/grune_haus/wavs/grune_haus_01_f000001.wav": clip(7, False),
            "de_DE/by_book/mix/erzaehlungen/wavs/erzaehlungen_01_f000001.wav": clip(8, False),
            "en_US/by_book/male/elliot_miller/hunters_space/wavs/hunters_01.wav": clip(9, False),
        }
    return files


def folder(bonafide: str = "bonafide", spoof: str = "spoof", base: str = "") -> dict[str, bytes]:
    """A user's own folders."""
    return {
        f"{base}{bonafide}/anna/one.wav": clip(1, False),
        f"{base}{bonafide}/bert/one.wav": clip(2, False),
        f"{base}{bonafide}/loose.flac": clip(3, False, "FLAC"),
        f"{base}{spoof}/xtts/anna/one.wav": clip(4, True),
        f"{base}{spoof}/xtts/two words.wav": clip(5, True),
        f"{base}{spoof}/loose.wav": clip(6, True),
        f"{base}{spoof}/loose.flac": clip(7, True, "FLAC"),
    }


def own_csv(lines: list[str] | bytes, names: tuple[str, ...], base: str = "") -> dict[str, bytes]:
    """A user's own table, and the clips with these names beside it."""
    content = lines if isinstance(lines, bytes) else text(lines)
    clips = {f"{base}{name}": clip(index, index % 2 == 1) for index, name in enumerate(names)}
    return clips | {f"{base}clips.csv": content}


def text(lines: list[str]) -> bytes:
    """Lines as a file's content."""
    return ("\n".join(lines) + "\n").encode()


def video(samples: np.ndarray) -> bytes:
    """An mp4 file with a black picture and these samples as AAC."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        sound = output.add_stream("aac", rate=RATE, layout="mono")
        pictures = output.add_stream("mpeg4", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        black = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis], "fltp", "mono")
        frame.sample_rate = RATE
        for stream, content in ((pictures, black), (sound, frame)):
            for packets in (stream.encode(content), stream.encode()):
                output.mux(packets)
    return buffer.getvalue()


def write_folder(files: dict[str, bytes], root: Path) -> Path:
    """Lay the files out below a folder."""
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return root


def write_archive(files: dict[str, bytes], path: Path) -> Path:
    """Store the files in a zip archive."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content)
    return path
