using System.Globalization;
using Ingest.Checkpoints;
using Ingest.Events;
using Ingest.Sources.Archives.Formats;

namespace Ingest.Sources.Archives;

/// <summary>
/// Replays one file: messages in batches, several under way at a time, each with the move of the file's checkpoint to its end.
/// </summary>
/// <param name="archive">The archive.</param>
/// <param name="file">The file.</param>
/// <param name="options">What is wanted.</param>
/// <param name="process">The pipeline.</param>
/// <param name="claimed">The file's checkpoint, claimed; null to keep none.</param>
/// <param name="batches">How many batches of all files may be under way.</param>
/// <param name="large">Bounds the memory of several files.</param>
/// <param name="advanced">Told what has become durable, and how many bytes and messages were read for it.</param>
internal sealed class FileReplay(
    Archive archive,
    ArchiveFile file,
    ArchiveReplayOptions options,
    ProcessEvents process,
    StoredCheckpoint? claimed,
    SemaphoreSlim batches,
    LargeBlocks large,
    Action<ReadingCounts, long, long, DateTime> advanced)
{
    private const int MessagesInBatch = 1_000;
    private const int BytesInBatch = 2 * 1024 * 1024;

    // What is not wanted costs a batch nothing but its reading; now and then the checkpoint moves all the same.
    private const int MostReadInBatch = 100_000;
    private const int BatchesUnderWay = 4;

    private readonly Queue<Task> _underWay = new();
    private Position? _at = claimed?.Position;
    private long _bytesTold;
    private long _recordsStored;

    /// <summary>Replays it from where its checkpoint stands, to its end.</summary>
    /// <returns>What kept it from being read to its end; null: nothing did.</returns>
    public async Task<ArchiveProblem?> RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            var clause = file.Obstacle ?? await ReadAsync(cancellationToken);
            await CommittedAsync(batchesLeft: 0);
            return clause is null ? null : Problem(clause);
        }
        finally
        {
            // Nothing may touch the messages any more when the file is closed.
            await Task.WhenAll(_underWay).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<string?> ReadAsync(CancellationToken cancellationToken)
    {
        ArchiveFileReader? reader = null;
        try
        {
            var (isSame, _) = ArchiveCheckpoints.Compare(claimed?.Position, file.Version);
            var done = isSame ? claimed!.Position!.SequenceNumber : 0;
            _recordsStored = done;
            Exception? failure = null;
            var batch = new Batch();
            try
            {
                reader = await ArchiveFileReader.OpenAsync(archive, file, options, large, cancellationToken);
                while (reader.Record < done && await reader.ReadAsync(cancellationToken) is not null)
                {
                }
            }
            catch (Exception exception) when (IsOfReading(exception, cancellationToken))
            {
                failure = exception;
            }

            while (failure is null && !batch.IsLast)
            {
                batch = new Batch();
                failure = await FillAsync(reader!, batch, cancellationToken);
                if (failure is null || batch.Read > 0)
                {
                    await CommittedAsync(BatchesUnderWay - 1);
                    await batches.WaitAsync(cancellationToken);
                    Process(batch, reader!, cancellationToken);
                }
            }

            return failure is null ? null : await ClauseAsync(failure, cancellationToken);
        }
        finally
        {
            if (reader is not null)
            {
                await reader.DisposeAsync();
            }
        }
    }

    // What was read before a failure is in the batch.
    private async Task<Exception?> FillAsync(ArchiveFileReader reader, Batch batch, CancellationToken cancellationToken)
    {
        try
        {
            while (batch.Events.Count < MessagesInBatch && batch.Bytes < BytesInBatch && batch.Read < MostReadInBatch)
            {
                if (await reader.ReadAsync(cancellationToken) is not { } message)
                {
                    batch.IsLast = true;
                    return null;
                }

                batch.Add(message, options.Range.Contains(message.RowTime ?? message.EnqueuedTime ?? DateTime.UnixEpoch));
            }

            return null;
        }
        catch (Exception exception) when (IsOfReading(exception, cancellationToken))
        {
            return exception;
        }
    }

    private void Process(Batch batch, ArchiveFileReader reader, CancellationToken cancellationToken)
    {
        var highest = _at is { } before && before.EnqueuedTime > batch.Highest ? before.EnqueuedTime : batch.Highest;
        var to = new Position(
            batch.IsLast ? ArchiveCheckpoints.AtEnd(file.Version) : ArchiveCheckpoints.Within(file.Version), reader.Record, highest);
        var move = claimed is null ? null : new Checkpoint(claimed.Partition, claimed.Epoch, _at?.SequenceNumber, to);
        _at = to;
        var bytes = reader.Position - _bytesTold;
        _bytesTold = reader.Position;
        _underWay.Enqueue(ProcessAsync(batch, move, to, bytes, cancellationToken));
    }

    private async Task ProcessAsync(Batch batch, Checkpoint? move, Position to, long bytes, CancellationToken cancellationToken)
    {
        var counts = default(ReadingCounts);
        try
        {
            if (batch.Events.Count > 0 || move is not null)
            {
                counts = (await process(batch.Events, move, cancellationToken)).Counts;
            }
        }
        finally
        {
            batches.Release();
        }

        _recordsStored = to.SequenceNumber;
        advanced(counts, bytes, batch.Read, to.EnqueuedTime);
    }

    // The first to fail is the reason why the later ones did.
    private async Task CommittedAsync(int batchesLeft)
    {
        while (_underWay.Count > batchesLeft)
        {
            await _underWay.Peek();
            _ = _underWay.Dequeue();
        }
    }

    private bool IsOfReading(Exception exception, CancellationToken cancellationToken) =>
        !cancellationToken.IsCancellationRequested
        && (exception is UnreadableFileException or ArchiveException || archive.Explain(exception) is not null);

    private async Task<string> ClauseAsync(Exception failure, CancellationToken cancellationToken)
    {
        var clause = archive.Explain(failure) ?? failure.Message;
        if (failure is OtherStampsException)
        {
            return clause;
        }

        ArchiveFile? now;
        try
        {
            now = await archive.FindAsync(file.Name, cancellationToken);
        }
        catch (Exception exception) when (IsOfReading(exception, cancellationToken))
        {
            return clause;
        }

        return now is null ? "it was there when the archive was listed, and is gone now"
            : now.Version == file.Version ? clause
            : string.Create(
                CultureInfo.InvariantCulture,
                $"it has changed since the archive was listed, from {file.Length} to {now.Length} bytes; run the command again for "
                    + $"the rest");
    }

    private ArchiveProblem Problem(string clause) => new(
        file.Name,
        _recordsStored,
        _recordsStored > 0
            ? FormattableString.Invariant($"{file.Name}, record {_recordsStored + 1}: {clause}. What comes before it is stored.")
            : $"{file.Name}, from its first record on: {clause}.");

    private sealed class Batch
    {
        /// <summary>The messages that are wanted.</summary>
        public List<RawEvent> Events { get; } = [];

        public long Bytes { get; private set; }

        /// <summary>Messages read, wanted or not.</summary>
        public long Read { get; private set; }

        public DateTime Highest { get; private set; } = DateTime.UnixEpoch;

        /// <summary>Whether the file ends with it.</summary>
        public bool IsLast { get; set; }

        public void Add(RawEvent message, bool wanted)
        {
            Read++;
            if (message.RowTime > Highest)
            {
                Highest = message.RowTime.Value;
            }

            if (wanted)
            {
                Events.Add(message);
                Bytes += message.Body.Length;
            }
        }
    }
}
