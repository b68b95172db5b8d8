using CsCheck;
using Ingest.TestSupport.Fuzzing;
using Xunit;
using static Ingest.Tests.Decode.DecoderDriver;

namespace Ingest.Tests.Decode;

public sealed class FuzzTests
{
    [Fact]
    public void Mutated_bodies_are_decoded_as_an_independent_reader_reads_them()
    {
        var fuzzer = new DecoderFuzzer(seed: 1);

        Assert.Null(fuzzer.Run(20_000));
        Assert.Equal(20, fuzzer.Bombs);
        Assert.True(fuzzer.Stored > 1_000, $"{fuzzer.Stored} readings were taken: the bodies are too damaged to prove anything");
        Assert.True(fuzzer.Reasons.Count >= 7, string.Join(", ", fuzzer.Reasons.Keys));
    }

    [Fact]
    public void The_same_seed_gives_the_same_bodies()
    {
        var (one, two, other) = (new BodyMutator(5), new BodyMutator(5), new BodyMutator(6));
        var bodies = Enumerable.Range(0, 100).Select(_ => one.Next()).ToArray();

        Assert.Equal(bodies, Enumerable.Range(0, 100).Select(_ => two.Next()));
        Assert.NotEqual(bodies, Enumerable.Range(0, 100).Select(_ => other.Next()));
    }

    [Fact]
    public void Small_messages_that_hold_much_are_decoded_to_all_their_readings_and_few_objects()
    {
        var bombs = new BombMutator(seed: 2);
        var driver = new DecoderDriver();
        foreach (var bomb in DecodedWorkBombs.Bodies)
        {
            using var batch = driver.Decode(Message(bomb.Body, encoding: bomb.Encoding), Message("""{"temperature":1}"""));
            Assert.InRange(batch.Rejections.Count, 0, 100);
            Assert.InRange(batch.Bytes, bomb.Body.Length, 3 * 1024 * 1024);
        }

        Assert.Equal(bombs.Next().Body, new BombMutator(seed: 2).Next().Body);
    }

    [Fact]
    public void Any_bytes_and_any_encoding_are_one_reading_or_more_and_disturb_no_neighbour()
    {
        var driver = new DecoderDriver();
        var encodings = Gen.Int[0, 5].Select(i => new[] { null, "", "gzip", "GZIP", "utf-8", "deflate" }[i]);
        Gen.Select(Gen.Byte.Array[0, 200], encodings).Array[0, 5].Sample(
            bodies =>
            {
                var good = Message("""{"temperature":1}""");
                using var batch = driver.Decode(
                    [good, .. bodies.SelectMany(body => new[] { Message(body.Item1, encoding: body.Item2), good })]);
                var evens = Enumerable.Range(0, batch.Readings.Count).Where(row => batch.Readings.EventIndexes[row] % 2 == 0).ToArray();
                return batch.Received >= (2 * bodies.Length) + 1
                    && evens.Length == bodies.Length + 1
                    && evens.All(row => Rows(batch)[row] is [1.0, null]);
            },
            iter: 3_000);
    }
}
