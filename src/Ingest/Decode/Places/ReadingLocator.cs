using System.Text.Json;

namespace Ingest.Decode.Places;

/// <summary>Where a reading stands that lies inside a body, or that it is missing.</summary>
/// <param name="Value">The reading; where it is missing, the value that it should be in.</param>
/// <param name="MissingStep">The step that leads nowhere; null where the reading is there.</param>
internal readonly record struct LocatedReading(JsonSlice Value, int? MissingStep);

/// <summary>Finds the readings inside a body by the place that names them. Not thread-safe.</summary>
internal sealed class ReadingLocator(IReadOnlyList<PlaceStep> steps, bool ignoresCase)
{
    private readonly List<LocatedReading> _located = [];
    private int _most;

    /// <summary>The readings that were found, in their order.</summary>
    public IReadOnlyList<LocatedReading> Located => _located;

    /// <summary>How many brackets are around each.</summary>
    public int Depth => steps.Count;

    /// <summary>
    /// Finds the readings of <paramref name="root"/>. Where a step leads nowhere, what is missing counts as one; null and an empty array
    /// hold none.
    /// </summary>
    /// <returns>False where there are more than <paramref name="most"/>.</returns>
    public bool TryLocate(ReadOnlySpan<byte> body, JsonSlice root, int most)
    {
        _located.Clear();
        _most = most;
        Locate(body, root, 0);
        return _located.Count <= most;
    }

    // As deep as the place has steps.
    private void Locate(ReadOnlySpan<byte> body, JsonSlice value, int step)
    {
        if (step == steps.Count)
        {
            _located.Add(new LocatedReading(value, null));
            return;
        }

        var reader = value.Read(body);
        if (step > 0 && reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        if (steps[step] is { Name: null, Index: PlaceStep.Every } && reader.TokenType == JsonTokenType.StartArray)
        {
            while (_located.Count <= _most && reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                Locate(body, value.Take(ref reader), step + 1);
            }
        }
        else if (steps[step].Index != PlaceStep.Every && value.Into(body, steps[step], ignoresCase) is { } inner)
        {
            Locate(body, inner, step + 1);
        }
        else
        {
            _located.Add(new LocatedReading(value, step));
        }
    }
}
