using Ingest.Columns;
using Ingest.DeadLetters;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Forgotten;
using Ingest.Schema;
using Ingest.Write;
using Npgsql;

namespace Ingest.Audit;

/// <summary>Looks for the readings of one batch in the table and among the dead letters. Its buffers are used again.</summary>
internal sealed class BatchLook(TargetTable table) : IDisposable
{
    private readonly FlushRows _rows = new(table.MetricIndex);
    private readonly StoredMatch _match = new();
    private readonly StoredRows _stored = new(table);
    private readonly ReadingColumns _values = new(table.Columns);
    private ForgottenDevices? _forgotten;

    /// <summary>The rows that were found.</summary>
    public List<RowKey> Explained { get; } = [];

    /// <summary>Readings that have a row.</summary>
    public long Found { get; private set; }

    /// <summary>Readings that have a dead letter.</summary>
    public long DeadLettered { get; private set; }

    /// <summary>Readings without a row or a dead letter, because their device was forgotten.</summary>
    public long Forgotten { get; private set; }

    /// <summary>Rejected readings past those that are kept of one message, by whose quota they count against.</summary>
    public IReadOnlyList<(string Device, long Count)> CountedOnly { get; private set; } = [];

    /// <summary>Readings that have neither.</summary>
    public List<(RawEvent Message, AuditFinding Finding, string? Quota)> Lost { get; } = [];

    public async Task RunAsync(NpgsqlConnection connection, DecodedBatch decoded, CancellationToken cancellationToken)
    {
        Explained.Clear();
        Lost.Clear();
        (Found, DeadLettered, Forgotten) = (0, 0, 0);
        _forgotten ??= await ForgottenDevices.ReadAsync(connection, cancellationToken);
        var without = await FindRowsAsync(connection, decoded, cancellationToken);
        await FindLettersAsync(connection, decoded, without, cancellationToken);
    }

    public void Dispose() => _values.Dispose();

    private async Task<List<int>> FindRowsAsync(NpgsqlConnection connection, DecodedBatch decoded, CancellationToken cancellationToken)
    {
        _rows.Load([decoded]);
        _match.Load(_rows);
        var windows = StampWindows.Cover(_rows.Stamps.ToArray());
        await _stored.ReadAsync(connection, _rows, windows, _values, _match, static () => { }, cancellationToken);
        var without = new List<int>();
        for (var rowIndex = 0; rowIndex < _rows.Count; rowIndex++)
        {
            if (_match.Find(rowIndex) is { } time)
            {
                Found++;
                Explained.Add(RowKey.Of(time, _rows.Device(rowIndex), _rows.Metric(rowIndex)));
            }
            else if (_forgotten!.Cover(_rows.Device(rowIndex), _rows.Stamp(rowIndex)))
            {
                Forgotten++;
            }
            else
            {
                without.Add(rowIndex);
            }
        }

        return without;
    }

    // A reading without a row can have a dead letter, too: the server refused it, or its millisecond was full.
    private async Task FindLettersAsync(
        NpgsqlConnection connection, DecodedBatch decoded, List<int> without, CancellationToken cancellationToken)
    {
        var rejected = new DeadLetterList();
        foreach (var rejection in decoded.Rejections)
        {
            rejected.Add(decoded.Events[rejection.EventIndex], 0, rejection);
        }

        foreach (var (eventIndex, reason, count) in decoded.Counts)
        {
            rejected.Add(decoded.Events[eventIndex], 0, reason, count);
        }

        CountedOnly = [.. rejected.Counts.Select(count => (count.QuotaName, count.Count))];
        var hashes = new Dictionary<RawEvent, byte[]>(ReferenceEqualityComparer.Instance);
        var refused = without.ConvertAll(rowIndex => KeyOf(rowIndex, hashes));
        var known = await DeadLetterTable.KnownAsync(
            connection, [.. rejected.Letters.Select(letter => letter.Key), .. refused], cancellationToken);
        foreach (var letter in rejected.Letters)
        {
            Count(known.Contains(Convert.ToHexString(letter.Key)), letter.Message, () => Finding(letter), letter.Source.QuotaName);
        }

        foreach (var (rowIndex, key) in without.Zip(refused))
        {
            Count(known.Contains(Convert.ToHexString(key)), _rows.EventOf(rowIndex), () => Finding(rowIndex), quota: null);
        }
    }

    private void Count(bool isKnown, RawEvent message, Func<AuditFinding> finding, string? quota)
    {
        if (isKnown)
        {
            DeadLettered++;
        }
        else if ((message.RowTime ?? message.EnqueuedTime) is { } time && _forgotten!.Cover(message.DeviceId, Instant.Of(time)))
        {
            Forgotten++;
        }
        else
        {
            Lost.Add((message, finding(), quota));
        }
    }

    private byte[] KeyOf(int rowIndex, Dictionary<RawEvent, byte[]> hashes)
    {
        var message = _rows.EventOf(rowIndex);
        if (!hashes.TryGetValue(message, out var hash))
        {
            hash = DeadLetterKey.OfMessage(message);
            hashes.Add(message, hash);
        }

        return DeadLetterKey.Of(hash, ElementOf(rowIndex));
    }

    private int ElementOf(int rowIndex) => _rows.ReadingsOf(rowIndex).ElementIndexes[_rows.RowIndexOf(rowIndex)];

    private AuditFinding Finding(int rowIndex) => Of(_rows.EventOf(rowIndex)) with
    {
        Element = ElementOf(rowIndex),
        Time = _rows.Stamp(rowIndex).ToDateTime(),
        Device = _rows.Device(rowIndex),
        Metric = _rows.Metric(rowIndex),
        Sent = RowText.Of(_rows.ReadingsOf(rowIndex), _rows.RowIndexOf(rowIndex)),
    };

    private static AuditFinding Finding(DeadLetter letter) => Of(letter.Message) with
    {
        Element = letter.Rejection.ElementIndex,
        Time = letter.Message.RowTime,
        Device = letter.Message.DeviceId,
        Reason = RejectReasonCode.Of(letter.Rejection.Reason),
    };

    private static AuditFinding Of(RawEvent message) => new()
    {
        Fault = AuditFault.Missing,
        Source = message.Hub,
        Partition = message.Partition,
        SequenceNumber = message.SequenceNumber,
    };
}
