using System.Text;
using Avro.File;
using Ingest.TestSupport.Archives;
using Ingest.TestSupport.Databases;
using Xunit;

namespace Ingest.IntegrationTests.Archives;

/// <summary>Files that cannot be read to their end: what comes before is stored, the others go on, and each is told.</summary>
public sealed class ArchiveDamageTests(PostgresFixture postgres)
{
    private static readonly List<ArchivedMessage> Messages = ArchiveStage.Messages(400);

    public static TheoryData<string, string> Traps => new()
    {
        { "truncated", "it ends within a block of" },
        { "bad sync marker", "the marker after a block is not the one of its header" },
        { "two files in one", "another Avro file begins after its last block" },
        { "huge block", "it ends within a block of" },
        { "snappy", "it is compressed with 'snappy', and only 'deflate' and 'null' (none) are read" },
        { "another record",
            "its records are 'Microsoft.Azure.Devices.Else', and those of IoT Hub's routing are 'Microsoft.Azure.Devices.Message'" },
        { "a field missing", "its records 'Microsoft.Azure.Devices.Message' have no field 'Body'" },
        { "no archive", "it is neither Avro nor JSON lines: it begins with the bytes 504B0304" },
        { "torn line", "its line is no JSON to its end" },
        { "no message", "it has no 'Body' or no 'EnqueuedTimeUtc'" },
    };

    [Theory]
    [MemberData(nameof(Traps))]
    public async Task A_damaged_file_is_named_and_keeps_no_other_from_being_stored(string trap, string sentence)
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        var (content, before) = Make(trap);
        var name = stage.Folder.Add(content);
        stage.Folder.Add(ArchiveWriter.Routed(Messages[300..]));

        var replay = await stage.ReplayAsync();

        Assert.Equal(1, replay.ExitCode);
        Assert.Contains("1 of 2 files could not be read to their end", replay.Errors, StringComparison.Ordinal);
        Assert.Contains(sentence, replay.Errors, StringComparison.Ordinal);
        var stored = replay.Json.GetProperty("stored").GetInt64();
        Assert.Contains(
            before ? FormattableString.Invariant($"{name}, record {stored - 100 + 1}: ") : $"{name}, from its first record on: ",
            replay.Errors,
            StringComparison.Ordinal);
        Assert.InRange(stored, before ? 101 : 100, 400);
        Assert.Equal(stored, (await stage.RowsAsync()).Count);
    }

    [Fact]
    public async Task Blocks_without_records_and_files_without_messages_are_no_end_and_no_fault()
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        stage.Folder.Add(WithEmptyBlocks(ArchiveWriter.Routed(Messages, blockBytes: 4_000)));
        stage.Folder.Add(WithEmptyBlocks(ArchiveWriter.Captured([])));
        stage.Folder.Add(ArchiveWriter.Routed([], Codec.Type.Deflate));
        stage.Folder.Add([]);
        stage.Folder.Add("\r\n"u8.ToArray());

        var replay = await stage.ReplayAsync();

        Assert.True(replay.ExitCode == 0, replay.ToString());
        Assert.Equal(Messages.Count, replay.Json.GetProperty("stored").GetInt64());
    }

    [Fact]
    public async Task A_file_mended_since_is_read_by_the_same_command()
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        var whole = ArchiveWriter.Routed(Messages, blockBytes: 4_000);
        var name = stage.Folder.Add(whole[..(whole.Length / 2)]);
        Assert.Equal(1, (await stage.ReplayAsync()).ExitCode);

        stage.Folder.Add(name, whole);
        var replay = await stage.ReplayAsync();

        Assert.True(replay.ExitCode == 0, replay.ToString());
        Assert.Equal(Messages.Count, (await stage.RowsAsync()).Count);
    }

    private static (byte[] Content, bool SomeBefore) Make(string trap)
    {
        var avro = ArchiveWriter.Routed(Messages[..300], blockBytes: 4_000);
        var lines = ArchiveWriter.Lines(Messages[..300]);
        return trap switch
        {
            "truncated" => (avro[..(avro.Length / 2)], true),
            "bad sync marker" => (Change(avro, avro.Length - 1, (byte)(avro[^1] ^ 1)), true),
            "two files in one" => ([.. avro, .. ArchiveWriter.Routed(Messages[..10])], true),
            "huge block" => ([.. avro[..^16], .. avro[^16..], 0x02, 0xFE, 0xFF, 0xFF, 0xFF, 0x1F, 1, 2, 3], true),
            "snappy" => (Replace(ArchiveWriter.Routed(Messages[..300], Codec.Type.Deflate), "\x0E" + "deflate", "\x0C" + "snappy"), false),
            "another record" => (Replace(avro, "\"Message\"", "\"Else\"   "), false),
            "a field missing" => (Replace(avro, "\"Body\"", "\"Corp\""), false),
            "no archive" => ("PK\u0003\u0004 and so on"u8.ToArray(), false),
            "torn line" => (lines[..(lines.Length / 2)], true),
            "no message" => ([.. lines, .. "{\"level\":\"info\"}\n"u8], true),
            _ => throw new ArgumentOutOfRangeException(nameof(trap)),
        };
    }

    private static byte[] Change(byte[] file, int at, byte value)
    {
        file[at] = value;
        return file;
    }

    private static byte[] Replace(byte[] file, string what, string with)
    {
        var found = file.AsSpan().IndexOf(Encoding.ASCII.GetBytes(what));
        return [.. file[..found], .. Encoding.ASCII.GetBytes(with), .. file[(found + what.Length)..]];
    }

    // A block of count 0 before the first block and after the last.
    private static byte[] WithEmptyBlocks(byte[] file)
    {
        var sync = file[^16..];
        var header = file.AsSpan().IndexOf(sync) + 16;
        byte[] empty = [0, 0, .. sync];
        return [.. file[..header], .. empty, .. file[header..], .. empty];
    }
}
