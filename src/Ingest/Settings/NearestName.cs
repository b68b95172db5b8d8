namespace Ingest.Settings;

/// <summary>Finds the name that a misspelt one was meant to be.</summary>
internal static class NearestName
{
    /// <summary>
    /// The name that is nearest: a third of its letters inserted, left out, exchanged or swapped at the most, or one the beginning of the
    /// other. Null where none is near. Case does not count.
    /// </summary>
    public static string? Find(string written, IEnumerable<string> names) => names
        .Select(name => (Name: name, Distance: IsBeginning(written, name) ? 1 : Distance(written, name)))
        .Where(found => found.Distance <= Math.Max(1, found.Name.Length / 3))
        .OrderBy(found => found.Distance)
        .Select(found => found.Name)
        .FirstOrDefault();

    /// <summary>The end of a sentence about a name that is wrong: the one that was meant, or all there are.</summary>
    public static string Advice(string written, IReadOnlyList<string> names, Func<string, string>? show = null)
    {
        show ??= static name => name;
        return Find(written, names) is { } nearest
            ? $"Did you mean {show(nearest)}?"
            : $"There are {string.Join(", ", names.Select(show))}.";
    }

    private static bool IsBeginning(string written, string name) =>
        Math.Min(written.Length, name.Length) >= 3
        && (name.StartsWith(written, StringComparison.OrdinalIgnoreCase) || written.StartsWith(name, StringComparison.OrdinalIgnoreCase));

    // Optimal string alignment: two neighbours that changed places are one mistake.
    private static int Distance(string left, string right)
    {
        var (a, b) = (left.ToUpperInvariant(), right.ToUpperInvariant());
        var distance = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    distance[i, j] = i + j;
                    continue;
                }

                var exchanged = distance[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                var least = Math.Min(exchanged, Math.Min(distance[i - 1, j], distance[i, j - 1]) + 1);
                var swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                distance[i, j] = swapped ? Math.Min(least, distance[i - 2, j - 2] + 1) : least;
            }
        }

        return distance[a.Length, b.Length];
    }
}
