using System.Text;
using System.Text.RegularExpressions;
using Ingest.Checkpoints;
using Ingest.Events;
using Ingest.IntegrationTests.Write;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Files;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Pipeline;

/// <summary><c>docs/concepts.md</c>: each statement runs, and shows what it is there to show.</summary>
public sealed class ConceptsTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    private static readonly DateTime Stamp = new(2026, 5, 1, 12, 0, 0, DateTimeKind.Utc);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_statement_shows_its_concept()
    {
        var page = RepositoryFiles.Read(Path.Combine("docs", "concepts.md"));
        var concepts = Regex.Matches(page, @"\*\*(?<name>[\w ]+)\.\*\*[^`]*?(?:`[^`]+`[^`]*?)*```sql\n(?<sql>[^`]+)```");
        await using var database = await TestDatabase.CreateAsync(Server.Timescale, postgres, timescale, Stop);
        await using (var pipeline = new IngestPipeline(database.Source, new IngestSettings { Database = { Copy = database.Copy } }))
        {
            var claim = (await new CheckpointTable(database.Source).ClaimAsync("hub", "group", ["0"], Stop))[0];
            await pipeline.ProcessAsync(
                [Message(1, """{"temperature":1}"""), Message(2, """{"temperature":2}"""), Message(3, """{"temperature":1}"""), Message(4, "bad")],
                new Checkpoint(claim.Partition, claim.Epoch, null, new Position("4", 4, Stamp)),
                Stop);
        }

        var shown = new Dictionary<string, string>();
        foreach (Match concept in concepts)
        {
            shown.Add(concept.Groups["name"].Value, await FirstRowAsync(database.Source, concept.Groups["sql"].Value));
        }

        Assert.Equal(["Stamp", "Reading", "Key", "Collision", "Duplicate", "Dead letter", "Checkpoint"], shown.Keys);
        Assert.Equal("4 2 1 1 0", shown["Reading"]);
        Assert.Contains("(\"time\", device)", shown["Key"], StringComparison.Ordinal);
        Assert.EndsWith("device-1 2", shown["Collision"], StringComparison.Ordinal);
        Assert.Equal("0 1 25.00", shown["Duplicate"]);
        Assert.StartsWith("not_json 1 ", shown["Dead letter"], StringComparison.Ordinal);
        Assert.StartsWith("0 4 1 ", shown["Checkpoint"], StringComparison.Ordinal);
        Assert.StartsWith("2026-05-01 12:00:00", shown["Stamp"], StringComparison.Ordinal);
    }

    private static async Task<string> FirstRowAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync(Stop);
        Assert.True(await reader.ReadAsync(Stop), $"No row: {sql}");
        return string.Join(' ', Enumerable.Range(0, reader.FieldCount).Select(index => reader.GetValue(index) switch
        {
            DateTime time => time.ToString("yyyy-MM-dd HH:mm:ss.ffffff"),
            var value => FormattableString.Invariant($"{value}"),
        }));
    }

    private static RawEvent Message(int number, string body) => new()
    {
        Hub = "hub",
        Partition = "0",
        Offset = $"{number}",
        SequenceNumber = number,
        EnqueuedTime = Stamp,
        RowTime = Stamp,
        DeviceId = "device-1",
        Body = Encoding.UTF8.GetBytes(body),
    };
}
