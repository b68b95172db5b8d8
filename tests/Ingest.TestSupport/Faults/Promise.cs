using Ingest.Checkpoints;
using Npgsql;

namespace Ingest.TestSupport.Faults;

/// <summary>What must be true after every round: each reading is in one place, by its content, and the counts say so.</summary>
internal static class Promise
{
    /// <summary>
    /// Everything that the devices have sent is counted, and in one place. After they have stopped, and the workers have caught up.
    /// </summary>
    /// <exception cref="FaultException">It is not; the message says what is lost, doubled or different.</exception>
    public static async Task IsKeptAsync(FaultStage stage, CancellationToken cancellationToken)
    {
        var checkpoints = await new CheckpointTable(stage.Owner).ListAsync(cancellationToken);
        foreach (var partition in stage.Hub.Partitions)
        {
            var stands = checkpoints.Single(checkpoint => checkpoint.Partition.Partition == partition.Id).Position?.SequenceNumber;
            Check(
                stands == partition.LastSequenceNumber,
                $"partition {partition.Id}'s checkpoint stands at {stands}, and the hub's end is {partition.LastSequenceNumber}");
        }

        var counts = await stage.CountsAsync(cancellationToken);
        Check(counts.Balance, $"the counts do not add up: {counts}");
        var expected = stage.Devices.Expected();
        var counted = counts with { Collisions = 0 };
        Check(counted == expected, $"the counts are {counted}, and must be {expected}");
        Same("row", stage.Devices.Rows(), await RowsAsync(stage.Owner, cancellationToken));
        Same("dead letter", stage.Devices.Letters(), await LettersAsync(stage.Owner, cancellationToken));
    }

    /// <exception cref="FaultException">It does not hold.</exception>
    public static void Check(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new FaultException(otherwise + ".");
        }
    }

    private static async Task<List<string>> RowsAsync(NpgsqlDataSource owner, CancellationToken cancellationToken)
    {
        List<string> rows = [];
        await using var command = owner.CreateCommand(
            "SELECT date_trunc('milliseconds', time), device, temperature, humidity FROM conditions");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(SteadyDevices.RowText(reader.GetDateTime(0), reader.GetString(1), reader.GetDouble(2), reader.GetDouble(3)));
        }

        return rows;
    }

    private static async Task<List<string>> LettersAsync(NpgsqlDataSource owner, CancellationToken cancellationToken)
    {
        List<string> letters = [];
        await using var command = owner.CreateCommand("SELECT time, device, convert_from(body, 'UTF8') FROM dead_letters");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            letters.Add(SteadyDevices.LetterText(reader.GetDateTime(0), reader.GetString(1), reader.GetString(2)));
        }

        return letters;
    }

    private static void Same(string what, List<string> expected, List<string> found)
    {
        var left = expected.CountBy(text => text).ToDictionary();
        var doubled = new List<string>();
        foreach (var text in found)
        {
            if (left.TryGetValue(text, out var count) && count > 0)
            {
                left[text] = count - 1;
            }
            else
            {
                doubled.Add(text);
            }
        }

        var lost = left.Where(pair => pair.Value > 0).Select(pair => pair.Key).ToList();
        Check(lost.Count == 0, $"{lost.Count} of {expected.Count} {what}s are lost, the first: {lost.FirstOrDefault()}");
        Check(doubled.Count == 0, $"{doubled.Count} {what}s are too many or different, the first: {doubled.FirstOrDefault()}");
    }
}
