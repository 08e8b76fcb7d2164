"""A corpus in a bucket of S3, from a real server on the loopback: as the same one on the disk."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import boto3
import corpora
import pytest
from authenticity.errors import UserError
from authenticity.roots import MissingFileError, Root
from checkout import Checkout, assert_one_line
from moto.server import ThreadedMotoServer


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The toy corpus in a bucket, as files and as an archive; the address is in the environment."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.get_host_and_port()[1]}")
        patch.setenv("AWS_ACCESS_KEY_ID", "name")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="speech")
        for path, content in corpora.asvspoof2019_la().items():
            client.put_object(Bucket="speech", Key=f"toy/LA/{path}", Body=content)
        yield "s3://speech/toy/LA"
    server.stop()


def test_a_bucket_lists_and_reads_as_a_folder_does(bucket: str, tmp_path: Path):
    files = corpora.asvspoof2019_la()
    folder = Root(corpora.write_folder(files, tmp_path / "LA"))
    archive = corpora.write_archive(files, tmp_path / "LA.zip")
    client = boto3.client("s3", region_name="us-east-1")
    client.upload_file(str(archive), "speech", "LA.zip")
    for remote, signed in ((Root(f"{bucket}/"), False), (Root("s3://speech/LA.zip"), True)):
        assert remote.walk().keys() == folder.walk().keys()
        assert bool(remote.signature) == signed
        dev = "ASVspoof2019_LA_dev/flac"
        assert remote.has_folder(dev) and not remote.has_folder("ASVspoof2019")
        assert remote.entries(dev).keys() == folder.entries(dev).keys()
        for path in list(files)[::5]:
            assert remote.read(path, 10**6) == files[path]
        with pytest.raises(MissingFileError):
            remote.read(f"{dev}/none.flac", 10**6)


@pytest.mark.parametrize(
    ("root", "said"),
    [
        ("s3://speech/nowhere", "speech/nowhere: no such corpus root"),
        ("s3://none/LA", "s3://none/LA: no such corpus root"),
        ("s3://name:secret@speech/LA", "expected no credentials in it"),
        ("s3://speech/toy?tls=no", "s3://speech/toy?tls=no: cannot be read now"),
    ],
)
def test_a_bucket_that_cannot_be_used_is_one_line(bucket: str, root: str, said: str):
    with pytest.raises(UserError) as raised:
        Root(root)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_corpus_in_a_bucket_gives_the_tables_of_the_same_one_on_the_disk(
    bucket: str, finished: Checkout, resumed_from: Checkout
):
    shutil.rmtree(resumed_from.path / "results")
    shutil.rmtree(resumed_from.corpus)
    resumed_from.as_users = True
    resumed_from.configure(
        corpus={"root": bucket},
        run={"corpora": ["toy"], "experiments": ["spectral"], "bundles": [], "views": []},
    )
    result = resumed_from.run("--until", "evaluate")
    assert result.returncode == 0, result.stdout
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in result.stdout
    expected = finished.tables()
    for kind in ("spectral/clean/1-of-2", "scores/spectral", "metrics/spectral/toy"):
        path = f"results/toy/{kind}.parquet"
        assert resumed_from.tables()[path] == expected[path], path
    assert not list((resumed_from.path / "results").rglob("embeddings")), "no encoder is heard"
    resumed_from.configure(corpus={"root": f"{bucket}/nowhere"})
    assert_one_line(resumed_from, f"{bucket}/nowhere: no such corpus root")
