using System.Globalization;
using Ingest.Events;
using Ingest.Sources.EventHubs;

namespace Ingest.Sources.Archives;

/// <summary>What a replay of an archive takes.</summary>
/// <param name="Range">Which stamps; from <see cref="DateTime.MinValue"/> for all.</param>
/// <param name="Table">The table that is filled: what is stored there already is known for it alone.</param>
/// <param name="Fields">What the pipeline asks for, first of all which stamp is the row's time.</param>
/// <param name="AcceptOtherStamps">Whether to go on where the stamps cannot equal those of live rows.</param>
public sealed record ArchiveReplayOptions(ReplayRange Range, string Table, EventFields Fields, bool AcceptOtherStamps = false)
{
    /// <summary>
    /// What stands in the place of a consumer group in the checkpoints: those of an archive are good for one table and one range.
    /// </summary>
    public string ConsumerGroup => string.Create(
        CultureInfo.InvariantCulture,
        $"{Checkpoints.ArchiveCheckpoints.Group} {Table} {(Range.From == DateTime.MinValue ? "" : $"{Range.From:O}")}/{Range.To:O}");
}
