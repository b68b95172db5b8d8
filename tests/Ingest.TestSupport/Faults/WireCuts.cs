using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Ingest.Checkpoints;
using Ingest.Events;
using Ingest.Settings;
using Ingest.TestSupport.Network;
using Ingest.Write;
using Npgsql;

namespace Ingest.TestSupport.Faults;

/// <summary>Where a flush's conversation with the server is cut.</summary>
public enum CutPlaces
{
    /// <summary>After every byte, either way.</summary>
    EveryByte,

    /// <summary>Before and after every message of the protocol, either way; so also between COMMIT and its answer.</summary>
    EveryMessage,
}

/// <summary>What a run of cuts found.</summary>
/// <param name="BytesToServer">How long the flush's side of the conversation is.</param>
/// <param name="BytesToClient">How long the server's side is.</param>
/// <param name="Cuts">Cuts made.</param>
/// <param name="Rows">Rows stored through them, each of which was found once.</param>
public sealed record WireCutReport(int BytesToServer, int BytesToClient, int Cuts, long Rows);

/// <summary>
/// Cuts a flush's conversation with the server at one place after another, and looks each time whether all is stored once. In this process, with
/// the pipeline alone; several lanes beside each other, as most of the time is spent waiting before the next attempt.
/// </summary>
/// <param name="database">The migrated database, as a login that owns nothing sees it.</param>
/// <param name="rowsInFlush">How many rows a flush has.</param>
/// <param name="lanes">How many pipelines at a time.</param>
public sealed class WireCuts(string database, int rowsInFlush, int lanes)
{
    /// <summary>Cuts at each of these places; of them, at those whose number divided by <paramref name="stride"/> leaves <paramref name="offset"/>.</summary>
    /// <exception cref="FaultException">A reading was lost, doubled or changed; the message says at which cut.</exception>
    public async Task<WireCutReport> RunAsync(CutPlaces places, int stride, int offset, CancellationToken cancellationToken)
    {
        await using var direct = NpgsqlDataSource.Create(database);
        WireRecording recording;
        await using (var measured = await Lane.CreateAsync(direct, database, "lane-xx", rowsInFlush, cancellationToken))
        {
            // The first flush opens the connection.
            await measured.FlushAsync(cancellationToken);
            recording = measured.Wire.Record();
            await measured.FlushAsync(cancellationToken);
        }

        var (up, down) = (recording.Bytes(WireDirection.ToServer), recording.Bytes(WireDirection.ToClient));
        var cuts = Cuts(places, WireDirection.ToServer, up).Concat(Cuts(places, WireDirection.ToClient, down))
            .Where((_, index) => index % stride == offset % stride)
            .ToList();
        var next = -1;
        var rows = await Task.WhenAll(Enumerable.Range(0, lanes).Select(number => Task.Run(() => RunLaneAsync(number), cancellationToken)));
        return new WireCutReport(up.Length, down.Length, cuts.Count, rows.Sum());

        async Task<long> RunLaneAsync(int number)
        {
            await using var lane = await Lane.CreateAsync(direct, database, string.Create(CultureInfo.InvariantCulture, $"lane-{number:00}"), rowsInFlush, cancellationToken);
            await lane.FlushAsync(cancellationToken);
            while (Interlocked.Increment(ref next) is var index && index < cuts.Count)
            {
                await lane.CutAsync(cuts[index].Direction, cuts[index].Bytes, cancellationToken);
            }

            return await lane.EveryRowIsThereOnceAsync(cancellationToken);
        }
    }

    private static IEnumerable<(WireDirection Direction, int Bytes)> Cuts(CutPlaces places, WireDirection direction, byte[] bytes)
    {
        // After the answer's last byte the flush is over.
        var last = direction == WireDirection.ToServer ? bytes.Length : bytes.Length - 1;
        var step = 0;
        for (var at = 0; at <= last; at += step)
        {
            yield return (direction, at);
            step = places == CutPlaces.EveryByte || at == bytes.Length ? 1 : 1 + BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(at + 1));
        }
    }

    /// <summary>A pipeline with a wire, a device and a partition of its own.</summary>
    private sealed class Lane : IAsyncDisposable
    {
        private static readonly DateTime Start = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc);
        private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

        private readonly NpgsqlDataSource _direct;
        private readonly NpgsqlDataSource _source;
        private readonly IngestOptions _options;
        private readonly StoredCheckpoint _claim;
        private readonly string _device;
        private readonly int _rowsInFlush;
        private IngestPipeline _pipeline;
        private long _sent;

        private Lane(NpgsqlDataSource direct, TcpProxy wire, NpgsqlDataSource source, IngestOptions options, StoredCheckpoint claim, string device, int rowsInFlush)
        {
            _direct = direct;
            Wire = wire;
            _source = source;
            _options = options;
            _pipeline = new IngestPipeline(source, options);
            _claim = claim;
            _device = device;
            _rowsInFlush = rowsInFlush;
        }

        public TcpProxy Wire { get; }

        public static async Task<Lane> CreateAsync(NpgsqlDataSource direct, string database, string device, int rowsInFlush, CancellationToken cancellationToken)
        {
            var connection = new NpgsqlConnectionStringBuilder(database);
            var wire = TcpProxy.Start(connection.Port);
            connection.Port = wire.Port;
            connection.MaxPoolSize = 1;
            var settings = new DatabaseSettings { ConnectionString = connection.ConnectionString };
            var source = DatabaseConnections.Create(settings);
            var claims = await new CheckpointStore(direct).ClaimAsync("cuts/telemetry", "$Default", [device], cancellationToken);
            var commit = new CommitSettings { MaxRows = Math.Max(rowsInFlush, 5_000) };
            return new Lane(direct, wire, source, new IngestOptions { Database = settings, Commit = commit }, claims[0], device, rowsInFlush);
        }

        public async Task CutAsync(WireDirection direction, int bytes, CancellationToken cancellationToken)
        {
            var place = string.Create(CultureInfo.InvariantCulture, $"cut {direction} after {bytes} bytes of a flush of {_rowsInFlush} rows");
            // One that has learned nothing from the cuts before: its conversation is the one that was measured.
            await _pipeline.DisposeAsync();
            _pipeline = new IngestPipeline(_source, _options);
            var before = Wire.Cuts;
            Wire.CutAfter(direction, bytes);
            try
            {
                await FlushAsync(cancellationToken);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                throw new FaultException($"{place}: {exception.Message}", exception);
            }

            if (Wire.Cuts != before + 1)
            {
                throw new FaultException($"{place}: it was cut {Wire.Cuts - before} times.");
            }
        }

        public async Task FlushAsync(CancellationToken cancellationToken)
        {
            var events = Enumerable.Range(0, _rowsInFlush).Select(_ => Event(_sent++)).ToList();
            var last = events[^1];
            var checkpoint = new Checkpoint(
                _claim.Partition,
                _claim.Epoch,
                events[0].SequenceNumber == 0 ? null : events[0].SequenceNumber - 1,
                new Position(last.Offset!, last.SequenceNumber!.Value, last.EnqueuedTime!.Value));
            var result = await _pipeline.ProcessAsync(events, checkpoint, cancellationToken).WaitAsync(Patience, TimeProvider.System, cancellationToken);
            if (result.Accounts != new Accounts(Received: _rowsInFlush, Stored: _rowsInFlush))
            {
                throw new FaultException($"The accounts of {_rowsInFlush} new rows are {result.Accounts}.");
            }
        }

        /// <returns>How many.</returns>
        public async Task<long> EveryRowIsThereOnceAsync(CancellationToken cancellationToken)
        {
            await using var command = _direct.CreateCommand("SELECT time, temperature, humidity FROM conditions WHERE device = $1 ORDER BY time");
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = _device });
            long number = 0;
            await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
            {
                for (; await reader.ReadAsync(cancellationToken); number++)
                {
                    var found = (reader.GetDateTime(0), reader.GetDouble(1), reader.GetDouble(2));
                    if (found != (StampOf(number), 20.5, number))
                    {
                        throw new FaultException($"{_device}: row {number} is {found}.");
                    }
                }
            }

            var stored = await new CheckpointStore(_direct).ReadAsync(_claim.Partition, cancellationToken);
            return number == _sent && stored?.Accounts == new Accounts(Received: _sent, Stored: _sent) && stored.Position?.SequenceNumber == _sent - 1
                ? number
                : throw new FaultException($"{_device}: of {_sent} rows {number} are there, and the checkpoint is {stored}.");
        }

        public async ValueTask DisposeAsync()
        {
            await _pipeline.DisposeAsync();
            await _source.DisposeAsync();
            await Wire.DisposeAsync();
        }

        private static DateTime StampOf(long number) => Start.AddMilliseconds(number);

        // Always as long, so that a place in the conversation is the same in every flush.
        private RawEvent Event(long number) => new()
        {
            Hub = "cuts/telemetry",
            Partition = _device,
            Offset = number.ToString("0000000000", CultureInfo.InvariantCulture),
            SequenceNumber = number,
            EnqueuedTime = StampOf(number),
            HubEnqueuedTime = StampOf(number),
            DeviceId = _device,
            MessageSource = "Telemetry",
            Body = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""{"temperature":20.5,"humidity":{{number}}}""")),
        };
    }
}
