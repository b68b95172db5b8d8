using Ingest.Events;

namespace Ingest.Write;

/// <summary>
/// Duplicates within a flush whose equal reading is in another message, one with another body, module or application properties but the
/// same mapped values. The key makes them one row, although the sender may have meant two.
/// </summary>
internal sealed class IndistinctMessages
{
    private (RawEvent First, RawEvent Second, bool Differ)? _last;

    public int Count { get; private set; }

    /// <summary>The first two of the flush.</summary>
    public IndistinctPair? Example { get; private set; }

    public void Clear() => (Count, Example, _last) = (0, null, null);

    /// <summary>Takes in a duplicate of <paramref name="second"/> that equals a new row of <paramref name="first"/>.</summary>
    public void Add(RawEvent first, RawEvent second, string device)
    {
        if (_last is not { } last || !ReferenceEquals(last.First, first) || !ReferenceEquals(last.Second, second))
        {
            _last = last = (first, second, Differ(first, second));
        }

        if (last.Differ)
        {
            Count++;
            Example ??= new(first, second, device);
        }
    }

    private static bool Differ(RawEvent first, RawEvent second) =>
        !ReferenceEquals(first, second)
        && (first.ModuleId != second.ModuleId
            || !first.Body.Span.SequenceEqual(second.Body.Span)
            || IndistinctPair.DifferingProperty(first, second) is not null);
}
