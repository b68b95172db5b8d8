using System.Runtime.CompilerServices;
using Ingest.Checkpoints;
using Ingest.Events;
using Ingest.Sources.Archives.Formats;

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

    private const int BatchesAtATime = 32;

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
        using var batches = new SemaphoreSlim(BatchesAtATime);
        using var large = new LargeBlocks();
        await Parallel.ForEachAsync(
            ClaimAsync(cancellationToken),
            new ParallelOptions { MaxDegreeOfParallelism = plan.Archive.FilesAtATime, CancellationToken = cancellationToken },
            async (claim, token) =>
            {
                var (isSame, isEnd) = ArchiveCheckpoints.Compare(claim.Checkpoint?.Position, claim.File.Version);
                if (isSame)
                {
                    var (counts, position) = (claim.Checkpoint!.Counts, claim.Checkpoint.Position!);
                    Advance(progress, counts, isEnd ? claim.File.Length : 0, 0, position.EnqueuedTime);
                }

                var replay = new FileReplay(
                    plan.Archive,
                    claim.File,
                    options,
                    process,
                    claim.Checkpoint,
                    batches,
                    large,
                    (counts, bytes, read, highest) => Advance(progress, counts, bytes, read, highest));
                Ended(progress, isEnd, isEnd ? null : await replay.RunAsync(token));
            });
        lock (_lock)
        {
            return new ArchiveResult(_progress, [.. _problems.OrderBy(problem => problem.File, StringComparer.Ordinal)]);
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

    private void Ended(IProgress<ArchiveProgress>? progress, bool before, ArchiveProblem? problem)
    {
        lock (_lock)
        {
            if (problem is not null)
            {
                _problems.Add(problem);
                return;
            }

            _progress = _progress with { Files = _progress.Files + 1, FilesBefore = _progress.FilesBefore + (before ? 1 : 0) };
            progress?.Report(_progress);
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
