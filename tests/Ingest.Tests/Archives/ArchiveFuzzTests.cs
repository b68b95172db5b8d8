using System.Text;
using Avro.File;
using Ingest.Events;
using Ingest.Sources;
using Ingest.Sources.Archives.Formats;
using Ingest.TestSupport.Archives;
using Xunit;

namespace Ingest.Tests.Archives;

/// <summary>Damaged files through the readers: each ends, in words or with what is there.</summary>
public sealed class ArchiveFuzzTests
{
    private const int Files = 3_000;
    private const long MostBytesPerFile = 4 * 1024 * 1024;

    private static readonly DateTime Begin = new(2026, 5, 1, 12, 0, 0, DateTimeKind.Utc);

    private static readonly List<ArchivedMessage> Messages = [.. Enumerable.Range(0, 40).Select(number => new ArchivedMessage(
        $"device-{number}", Begin.AddSeconds(number), Encoding.UTF8.GetBytes($$"""{"temperature":{{number}}}"""))
    {
        Properties = new Dictionary<string, string> { ["site"] = "north" },
    })];

    public static TheoryData<string> Formats => ["routed", "routed deflate", "captured", "lines"];

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task A_damaged_file_ends_in_words_or_with_messages(string format)
    {
        var whole = Write(format);
        Assert.Equal(Messages.Count, await CountAsync(whole));
        for (var seed = 0; seed < Files; seed++)
        {
            var random = new Random(seed);
            var damaged = Damage(whole, random);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                await CountAsync(damaged);
            }
            catch (UnreadableFileException)
            {
                // In words.
            }

            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MostBytesPerFile, $"seed {seed}: {allocated} bytes for a file of {damaged.Length}");
        }
    }

    private static async Task<int> CountAsync(byte[] file)
    {
        using var large = new LargeBlocks();
        await using var bytes = new FileBytes(new MemoryStream(file), file.Length);
        var context = new MessageContext("archive", "file", "1", EventFields.Default, AcceptOtherStamps: true, new SharedNames(), large);
        var count = 0;
        if (await MessageReader.OpenAsync(bytes, context, TestContext.Current.CancellationToken) is { } reader)
        {
            while (await reader.ReadAsync(TestContext.Current.CancellationToken) is not null)
            {
                count++;
            }
        }

        return count;
    }

    private static byte[] Damage(byte[] whole, Random random)
    {
        var file = whole.ToList();
        for (var changes = random.Next(1, 6); changes > 0 && file.Count > 1; changes--)
        {
            var at = random.Next(file.Count);
            switch (random.Next(6))
            {
                case 0:
                    file[at] = (byte)random.Next(256);
                    break;
                case 1:
                    file[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    file.RemoveRange(at, Math.Min(random.Next(1, 40), file.Count - at));
                    break;
                case 3:
                    file.InsertRange(at, file.GetRange(at, Math.Min(random.Next(1, 200), file.Count - at)));
                    break;
                case 4:
                    file.InsertRange(at, [0xFE, 0xFF, 0xFF, 0xFF, 0x0F]);
                    break;
                default:
                    file.RemoveRange(at, file.Count - at);
                    break;
            }
        }

        return [.. file];
    }

    private static byte[] Write(string format) => format switch
    {
        "routed" => ArchiveWriter.Routed(Messages, blockBytes: 1_000),
        "routed deflate" => ArchiveWriter.Routed(Messages, Codec.Type.Deflate, blockBytes: 1_000),
        "captured" => ArchiveWriter.Captured(Messages, blockBytes: 1_000),
        "lines" => ArchiveWriter.Lines(Messages.Select((message, number) => number % 2 == 0
            ? message
            : message with { ContentEncoding = "utf-8" })),
        _ => throw new ArgumentOutOfRangeException(nameof(format)),
    };
}
