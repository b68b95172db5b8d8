using System.Runtime.CompilerServices;
using Ingest.Checkpoints;
using Ingest.Events;

namespace Ingest.Sources.Archives;

/// <summary>
/// Replays an archive's files through the pipeline, several at a time. A file that cannot be read is told at the end, and the others go
/// on. Where each file stands is stored with its rows, so that a replay that ends anywhere goes on there the next time.
/// </summary>
/// <param name="plan">What there is to read.</param>
/// <param name="options">What is wanted of it.</param>
/// <param name="process">The pipeline.</param>
/// <param name="checkpoints">Where the places are kept; null for nowhere, and then every file is read from its begin.</param>
public sealed class ArchiveReplay(ArchivePlan plan, ArchiveReplayOptions options, ProcessEvents process, CheckpointTable? checkpoints)
{
    private const int FilesClaimedAtATime = 1_000;

    private readonly Lock _lock = new();
    private readonly List<ArchiveProblem> _problems = [];
    private ArchiveProgress _progress = new(0, plan.Bytes, 0, 0, 0, default, DateTime.UnixEpoch);

    /// <summary>How far it is.</summary>
    public ArchiveProgress Progress => _progress;

    /// <summary>Replays all files.</summary>
    /// <param name="progress">Told after each batch, from any thread; or null.</param>
    /// <param name="cancellationToken">Ends the replay; what was stored stays, and is not read again.</param>
    /// <exception cref="CheckpointFencedException">Another replay of the same archive has taken over.</exception>
    public async Task<ArchiveResult> RunAsync(IProgress<ArchiveProgress>? progress, CancellationToken cancellationToken)
    {
        await Parallel.ForEachAsync(
            ClaimAsync(cancellationToken),
            new ParallelOptions { MaxDegreeOfParallelism = options.FilesAtATime, CancellationToken = cancellationToken },
            async (claim, token) => await RunAsync(claim.File, claim.Checkpoint, progress, token));
        lock (_lock)
        {
            return new ArchiveResult(_progress, [.. _problems.OrderBy(problem => problem.File, StringComparer.Ordinal)]);
        }
    }

    private async Task RunAsync(
        ArchiveFile file, StoredCheckpoint? checkpoint, IProgress<ArchiveProgress>? progress, CancellationToken cancellationToken)
    {
        var (isSame, isEnd) = ArchiveCheckpoints.Compare(checkpoint?.Position, file.Version);
        if (isSame)
        {
            Advance(progress, checkpoint!.Counts, isEnd ? file.Length : 0, 0, checkpoint.Position!.EnqueuedTime);
        }

        if (!isEnd)
        {
            var replay = new FileReplay(
                plan.Archive,
                file,
                options,
                process,
                checkpoint,
                (counts, bytes, read, highest) => Advance(progress, counts, bytes, read, highest));
            if (await replay.RunAsync(cancellationToken) is { } problem)
            {
                lock (_lock)
                {
                    _problems.Add(problem);
                }

                return;
            }
        }

        lock (_lock)
        {
            _progress = _progress with { Files = _progress.Files + 1, FilesBefore = _progress.FilesBefore + (isEnd ? 1 : 0) };
            progress?.Report(_progress);
        }
    }

    private async IAsyncEnumerable<(ArchiveFile File, StoredCheckpoint? Checkpoint)> ClaimAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var files in plan.Files.Chunk(FilesClaimedAtATime))
        {
            var claimed = checkpoints is null
                ? null
                : await checkpoints.ClaimAsync(
                    plan.Archive.Name, options.ConsumerGroup, [.. files.Select(file => file.Name)], cancellationToken);
            for (var index = 0; index < files.Length; index++)
            {
                yield return (files[index], claimed?[index]);
            }
        }
    }

    private void Advance(IProgress<ArchiveProgress>? progress, ReadingCounts counts, long bytes, long messages, DateTime highest)
    {
        lock (_lock)
        {
            _progress = _progress with
            {
                Bytes = _progress.Bytes + bytes,
                Messages = _progress.Messages + messages,
                Counts = _progress.Counts + counts,
                LastStamp = highest > _progress.LastStamp ? highest : _progress.LastStamp,
            };
            progress?.Report(_progress);
        }
    }
}
