using System.Globalization;
using System.Text;
using Ingest.Events;
using Ingest.TestSupport.Databases;
using Xunit;

namespace Ingest.IntegrationTests.Write;

public sealed class CompressedChunkTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    private const int Devices = 10;
    private const int Readings = 4_000;

    private static readonly DateTime Start = new(2026, 3, 1, 0, 0, 0, DateTimeKind.Utc);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_replay_into_compressed_chunks_stores_what_is_new_and_decompresses_nothing()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Timescale, postgres, timescale, Stop);
        await using var pipeline = new IngestPipeline(
            database.Source, new IngestSettings { Database = { Copy = database.Copy }, Commit = { ExpectDuplicates = true } });
        RawEvent[] known = [.. Enumerable.Range(0, Readings).Select(number => Message(number, 20))];
        await pipeline.ProcessAsync(known, null, Stop);
        var chunks = await database.ScalarAsync<long>("SELECT count(compress_chunk(chunk)) FROM show_chunks('conditions') AS chunk", Stop);

        // Two at stamps of their own, and one that differs from what is stored at its stamp.
        RawEvent[] late = [Message(17, 20, lateMilliseconds: 500), Message(Readings - 1, 20, lateMilliseconds: 500), Message(1_234, 99)];
        var replay = (await pipeline.ProcessAsync([.. known, .. late], null, Stop)).Counts;
        var again = (await pipeline.ProcessAsync([.. late, .. known], null, Stop)).Counts;

        Assert.Equal(3, chunks);
        Assert.Equal(new ReadingCounts(Received: Readings + 3, Stored: 3, Duplicate: Readings, Collisions: 1), replay);
        Assert.Equal(new ReadingCounts(Received: Readings + 3, Duplicate: Readings + 3), again);
        Assert.Equal(3, await OutsideOfBatchesAsync(database));
        Assert.Equal(Readings + 3, await database.RowsAsync("conditions", Stop));
    }

    private static async Task<long> OutsideOfBatchesAsync(TestDatabase database)
    {
        var rows = 0L;
        foreach (
            var chunk in await database.ScalarAsync<string[]>(
                "SELECT array_agg(chunk::text) FROM show_chunks('conditions') AS chunk", Stop))
        {
            rows += await database.RowsAsync($"ONLY {chunk}", Stop);
        }

        return rows;
    }

    // Each device every ten minutes, for almost three days.
    private static RawEvent Message(int number, int temperature, int lateMilliseconds = 0) => new()
    {
        Hub = "test/hub",
        Partition = "0",
        RowTime = Start.AddMinutes(number / Devices * 10).AddMilliseconds(lateMilliseconds),
        DeviceId = string.Create(CultureInfo.InvariantCulture, $"device-{number % Devices}"),
        Body = Encoding.UTF8.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $$"""{"temperature":{{temperature}},"humidity":{{number}}}""")),
    };
}
