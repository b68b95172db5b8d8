using System.Buffers.Binary;
using System.Collections.Concurrent;
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
    /// <summary>Before and after every message of the protocol, either way; so also between COMMIT and its answer.</summary>
    EveryMessage,

    /// <summary>There, and at every byte within each message.</summary>
    EveryByte,
}

/// <summary>What a run of cuts found.</summary>
/// <param name="BytesToServer">How long the flush's side of the conversation is.</param>
/// <param name="BytesToClient">How long the server's side is.</param>
/// <param name="MessagesToServer">Messages of the flush.</param>
/// <param name="MessagesToClient">Messages of the server.</param>
/// <param name="Cuts">Cuts made.</param>
/// <param name="InCommit">Of them: when a part of COMMIT had passed.</param>
/// <param name="BeforeAnswer">When all of COMMIT had passed, and nothing of its answer.</param>
/// <param name="InAnswer">When a part of that answer had passed.</param>
/// <param name="Rows">Rows stored through them, each of which was found once.</param>
public sealed record WireCutReport(
    int BytesToServer,
    int BytesToClient,
    int MessagesToServer,
    int MessagesToClient,
    int Cuts,
    int InCommit,
    int BeforeAnswer,
    int InAnswer,
    long Rows);

/// <summary>
/// Cuts a flush's conversation with the server at one place after another, and looks each time whether all is stored once. In this process,
/// with the pipeline alone; several lanes beside each other, as most of the time is spent waiting before the next attempt.
/// </summary>
/// <param name="database">The migrated database, as a login that owns nothing sees it.</param>
/// <param name="rowsInFlush">How many rows a flush has.</param>
/// <param name="lanes">How many pipelines at a time.</param>
public sealed class WireCuts(string database, int rowsInFlush, int lanes)
{
    private readonly ConcurrentBag<MadeCut> _made = [];

    /// <summary>
    /// Cuts at every boundary of two messages and, of the places within messages, at those whose number divided by
    /// <paramref name="stride"/> leaves
    /// <paramref name="seed"/>.
    /// </summary>
    /// <exception cref="FaultException">
    /// A reading was lost, doubled or changed, or a place was not reached; the message says at which cut.
    /// </exception>
    public async Task<WireCutReport> RunAsync(CutPlaces places, int stride, int seed, CancellationToken cancellationToken)
    {
        await using var direct = NpgsqlDataSource.Create(database);
        var whole = await MeasureAsync(direct, cancellationToken);
        var next = whole.Places()
            .Where((place, number) => place.Byte == 0 || (places == CutPlaces.EveryByte && number % stride == seed % stride))
            .ToList();
        var rows = 0L;
        for (var round = 0; next.Count > 0; round++)
        {
            rows += await CutAsync(direct, whole, round, next, cancellationToken);
            // A number that has one digit more than when it was measured makes its message longer: the bytes at its end are still to be
            // cut.
            next = places == CutPlaces.EveryByte && stride == 1 ? Missed() : [];
        }

        var report = new WireCutReport(
            whole.ToServer.Sum(), whole.ToClient.Sum(), whole.ToServer.Count, whole.ToClient.Count, _made.Count,
            Made(CutStage.InCommit), Made(CutStage.BeforeAnswer), Made(CutStage.InAnswer), rows);

        // COMMIT whole and no answer: the cut is on the server's way, and on the answer's.
        var bothWays = report is { BeforeAnswer: >= 2, InAnswer: >= 1 };
        var everyByte = report.InCommit >= whole.BytesWithinCommit && report.InAnswer >= whole.BytesWithinAnswer;
        return bothWays && (places == CutPlaces.EveryMessage || stride > 1 || everyByte)
            ? report
            : throw new FaultException($"The cuts did not reach COMMIT and its answer both ways: {report}.");
    }

    private int Made(CutStage stage) => _made.Count(cut => cut.Stage == stage);

    private async Task<Conversation> MeasureAsync(NpgsqlDataSource direct, CancellationToken cancellationToken)
    {
        await using var lane = await Lane.CreateAsync(direct, database, "lane-measure", rowsInFlush, cancellationToken);
        // The first flush opens the connection.
        await lane.FlushAsync(cancellationToken);
        await lane.ForgetAsync();
        var recording = lane.Wire.Record();
        await lane.FlushAsync(cancellationToken);
        return Conversation.From(recording);
    }

    private List<CutPlace> Missed() =>
    [
        .. from cut in _made
           group cut by (cut.Place.Direction, cut.Place.Message) into message
           let cuts = message.Select(cut => cut.Place.Byte).ToHashSet()
           from at in Enumerable.Range(0, message.Max(cut => cut.MessageLength) ?? 0)
           where !cuts.Contains(at)
           select new CutPlace(message.Key.Direction, message.Key.Message, at),
    ];

    private async Task<long> CutAsync(
        NpgsqlDataSource direct,
        Conversation whole,
        int round,
        List<CutPlace> places,
        CancellationToken cancellationToken)
    {
        var next = -1;
        var rows = await Task.WhenAll(
            Enumerable.Range(0, Math.Min(lanes, places.Count)).Select(number => Task.Run(() => RunLaneAsync(number), cancellationToken)));
        return rows.Sum();

        async Task<long> RunLaneAsync(int number)
        {
            await using var lane = await Lane.CreateAsync(
                direct,
                database,
                string.Create(CultureInfo.InvariantCulture, $"lane-{round:000}-{number:000}"),
                rowsInFlush,
                cancellationToken);
            await lane.FlushAsync(cancellationToken);
            while (Interlocked.Increment(ref next) is var index && index < places.Count)
            {
                var place = places[index];
                var cut = await lane.CutAsync(place, cancellationToken);
                var stage = whole.StageOf(place, cut.Passed) ?? throw new FaultException(
                    $"{place}: what had passed was not what a flush says there.");
                _made.Add(new MadeCut(place, cut.MessageLength, stage));
            }

            return await lane.EveryRowIsThereOnceAsync(cancellationToken);
        }
    }

    /// <summary>How far the conversation had come.</summary>
    private enum CutStage
    {
        BeforeCommit,
        InCommit,
        BeforeAnswer,
        InAnswer,
    }

    private readonly record struct CutPlace(WireDirection Direction, int Message, int Byte)
    {
        public override string ToString() =>
            string.Create(CultureInfo.InvariantCulture, $"cut {Direction} at byte {Byte} of message {Message}");
    }

    private sealed record MadeCut(CutPlace Place, int? MessageLength, CutStage Stage);

    /// <summary>
    /// A whole flush and what the server answered, as lengths of messages. It ends with COMMIT, and with the answer to it.
    /// </summary>
    private sealed record Conversation(List<int> ToServer, List<int> ToClient)
    {
        private static readonly byte[] CommitText = [.. "COMMIT\0"u8];

        // From the message that says COMMIT on; small flushes send it as a query of its own, large ones in a batch with the checkpoints.
        private int CommitAt { get; init; }

        private byte[] Commit { get; init; } = [];

        // From the message that says COMMIT was carried out on.
        private int AnswerAt { get; init; }

        private byte[] Answer { get; init; } = [];

        /// <summary>Places between the first and the last byte of COMMIT.</summary>
        public int BytesWithinCommit => Commit.Length - 1;

        /// <summary>Places between the first and the last byte of its answer.</summary>
        public int BytesWithinAnswer => Answer.Length - 1;

        public static Conversation From(WireRecording recording)
        {
            var (said, answered) = (recording.Bytes(WireDirection.ToServer), recording.Bytes(WireDirection.ToClient));
            var (toServer, toClient) = (LengthsOf(said), LengthsOf(answered));
            var (commitAt, commit) = LastWith(CommitText, said, toServer);
            var (answerAt, answer) = LastWith(CommitText, answered, toClient);
            return commit.Length > 0 && answer is [(byte)'C', .., (byte)'Z', 0, 0, 0, 5, (byte)'I']
                ? new Conversation(toServer, toClient) { CommitAt = commitAt, Commit = commit, AnswerAt = answerAt, Answer = answer }
                : throw new FaultException("A flush does not end with COMMIT and the answer to it.");
        }

        /// <summary>Every place, the one after COMMIT included; after the last byte of the answer the flush is over.</summary>
        public IEnumerable<CutPlace> Places() =>
            PlacesOf(WireDirection.ToServer, ToServer).Append(
                new CutPlace(WireDirection.ToServer, ToServer.Count, 0)).Concat(PlacesOf(WireDirection.ToClient, ToClient));

        /// <summary>How far it had come when it was cut.</summary>
        /// <returns>Null where what had passed does not bear that out.</returns>
        public CutStage? StageOf(CutPlace place, WireRecording passed)
        {
            var (ofCommit, ofAnswer) = place.Direction == WireDirection.ToServer
                ? (Since(CommitAt, ToServer, place) ?? 0, 0)
                : Since(AnswerAt, ToClient, place) is { } since ? (Commit.Length, since) : (0, 0);
            var holds = passed.Bytes(WireDirection.ToServer).AsSpan().EndsWith(Commit.AsSpan(0, ofCommit))
                && passed.Bytes(WireDirection.ToClient).AsSpan().EndsWith(Answer.AsSpan(0, ofAnswer));
            return (ofCommit, ofAnswer) switch
            {
                _ when !holds => null,
                (0, _) => CutStage.BeforeCommit,
                _ when ofCommit < Commit.Length => CutStage.InCommit,
                (_, 0) => CutStage.BeforeAnswer,
                _ => CutStage.InAnswer,
            };
        }

        private static int? Since(int from, List<int> lengths, CutPlace place) =>
            place.Message < from ? null : lengths[from..Math.Min(place.Message, lengths.Count)].Sum() + place.Byte;

        private static (int Message, byte[] FromThere) LastWith(byte[] text, byte[] bytes, List<int> lengths)
        {
            var at = bytes.Length;
            for (var message = lengths.Count - 1; message >= 0; message--)
            {
                at -= lengths[message];
                if (bytes.AsSpan(at, lengths[message]).IndexOf(text) >= 0)
                {
                    return (message, bytes[at..]);
                }
            }

            return (lengths.Count, []);
        }

        private static List<int> LengthsOf(byte[] bytes)
        {
            List<int> lengths = [];
            for (var at = 0; at < bytes.Length; at += lengths[^1])
            {
                lengths.Add(1 + BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(at + 1)));
            }

            return lengths;
        }

        private static IEnumerable<CutPlace> PlacesOf(WireDirection direction, List<int> lengths) =>
            lengths.SelectMany((length, message) => Enumerable.Range(0, length).Select(at => new CutPlace(direction, message, at)));
    }

    /// <summary>A pipeline with a wire, a device and a partition of its own.</summary>
    private sealed class Lane : IAsyncDisposable
    {
        private static readonly DateTime Start = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc);
        private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

        private readonly NpgsqlDataSource _direct;
        private readonly NpgsqlDataSource _source;
        private readonly IngestSettings _options;
        private readonly StoredCheckpoint _claim;
        private readonly string _device;
        private readonly int _rowsInFlush;
        private IngestPipeline _pipeline;
        private long _sent;

        private Lane(
            NpgsqlDataSource direct,
            TcpProxy wire,
            NpgsqlDataSource source,
            IngestSettings options,
            StoredCheckpoint claim,
            string device,
            int rowsInFlush)
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

        public static async Task<Lane> CreateAsync(
            NpgsqlDataSource direct,
            string database,
            string device,
            int rowsInFlush,
            CancellationToken cancellationToken)
        {
            var connection = new NpgsqlConnectionStringBuilder(database);
            var wire = TcpProxy.Start(connection.Port);
            connection.Port = wire.Port;
            connection.MaxPoolSize = 1;
            var settings = new DatabaseSettings { ConnectionString = connection.ConnectionString };
            var source = DatabaseConnections.Create(settings);
            var claims = await new CheckpointTable(direct).ClaimAsync("cuts/telemetry", "$Default", [device], cancellationToken);
            var commit = new CommitSettings { MaxRows = Math.Max(rowsInFlush, 5_000) };
            return new Lane(
                direct,
                wire,
                source,
                new IngestSettings { Database = settings, Commit = commit },
                claims[0],
                device,
                rowsInFlush);
        }

        /// <summary>
        /// Goes on with a pipeline that has learned nothing from the flushes before: each conversation is like the first.
        /// </summary>
        public async Task ForgetAsync()
        {
            await _pipeline.DisposeAsync();
            _pipeline = new IngestPipeline(_source, _options);
        }

        public async Task<MessageCut> CutAsync(CutPlace place, CancellationToken cancellationToken)
        {
            await ForgetAsync();
            var cut = Wire.CutAt(place.Direction, place.Message, place.Byte);
            try
            {
                await FlushAsync(cancellationToken);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                throw new FaultException(
                    $"{_device}, flush {_sent / _rowsInFlush - 1} of {_rowsInFlush} rows, {place}: {exception.Message}", exception);
            }

            return cut.IsMade ? cut : throw new FaultException($"{place}: no flush came so far.");
        }

        public async Task FlushAsync(CancellationToken cancellationToken)
        {
            var events = Enumerable.Range(0, _rowsInFlush).Select(_ => Event(_sent++)).ToList();
            var last = events[^1];
            var checkpoint = new Checkpoint(
                _claim.Partition,
                _claim.Epoch,
                events[0].SequenceNumber == 0 ? null : events[0].SequenceNumber - 1,
                new Position(last.Offset!, last.SequenceNumber!.Value, last.RowTime!.Value));
            var result = await _pipeline.ProcessAsync(events, checkpoint, cancellationToken).WaitAsync(
                Patience, TimeProvider.System, cancellationToken);
            if (result.Counts != new ReadingCounts(Received: _rowsInFlush, Stored: _rowsInFlush))
            {
                throw new FaultException($"The counts of {_rowsInFlush} new rows are {result.Counts}.");
            }
        }

        /// <returns>How many.</returns>
        public async Task<long> EveryRowIsThereOnceAsync(CancellationToken cancellationToken)
        {
            await using var command = _direct.CreateCommand(
                "SELECT time, temperature, humidity FROM conditions WHERE device = $1 ORDER BY time");
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

            var stored = await new CheckpointTable(_direct).ReadAsync(_claim.Partition, cancellationToken);
            return number == _sent && stored?.Counts == new ReadingCounts(
                Received: _sent, Stored: _sent) && stored.Position?.SequenceNumber == _sent - 1
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

        private RawEvent Event(long number) => new()
        {
            Hub = "cuts/telemetry",
            Partition = _device,
            Offset = number.ToString("0000000000", CultureInfo.InvariantCulture),
            SequenceNumber = number,
            RowTime = StampOf(number),
            EnqueuedTime = StampOf(number),
            DeviceId = _device,
            MessageSource = "Telemetry",
            Body = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""{"temperature":20.5,"humidity":{{number}}}""")),
        };
    }
}
