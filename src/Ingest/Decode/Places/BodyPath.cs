using System.Text;
using System.Text.Json;

namespace Ingest.Decode.Places;

/// <summary>What takes the value that stands at a place in a body: a column, or a part that a reading has once.</summary>
/// <param name="ColumnIndex">The column; below 0 for the others.</param>
internal readonly record struct PlaceTarget(int ColumnIndex)
{
    public static readonly PlaceTarget Device = new(-1);

    public static readonly PlaceTarget Time = new(-2);

    public bool IsColumn => ColumnIndex >= 0;
}

/// <summary>A step into a body on the way to mapped places, and the steps after it: a tree that the decoder walks along with it.</summary>
internal sealed class BodyPath
{
    private readonly byte[] _name;
    private readonly bool _ignoresCase;
    private readonly string _text;
    private readonly int _index;

    private BodyPath(
        PlaceStep step,
        string path,
        IReadOnlyList<(IReadOnlyList<PlaceStep> Steps, PlaceTarget Target)> below,
        bool ignoresCase,
        Func<int> id)
    {
        _text = step.Name ?? "";
        _name = Encoding.UTF8.GetBytes(_text);
        _index = step.Index;
        _ignoresCase = ignoresCase;
        Path = path;
        Id = id();
        var here = below.Where(target => target.Steps.Count == 0).Select(target => target.Target).ToList();
        ColumnIndexes = [.. here.Where(target => target.IsColumn).Select(target => target.ColumnIndex)];
        IsDevice = here.Contains(PlaceTarget.Device);
        IsTime = here.Contains(PlaceTarget.Time);
        var further = below.Where(target => target.Steps.Count > 0).ToList();
        var names = ignoresCase ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;
        Members =
        [
            .. further.Where(target => target.Steps[0].Name is not null)
                .GroupBy(target => target.Steps[0].Name!, names)
                .Select(group => Child(group.First().Steps[0], group, id)),
        ];
        Elements =
        [
            .. further.Where(target => target.Steps[0].Name is null)
                .GroupBy(target => target.Steps[0].Index)
                .OrderBy(group => group.Key)
                .Select(group => Child(group.First().Steps[0], group, id)),
        ];
        HasMore = further.Count > 0;
        OnlyColumn = here.Count == 1 && ColumnIndexes.Length == 1 && !HasMore ? ColumnIndexes[0] : -1;
        InMembers = [.. Members.SelectMany(child => child.AllIndexes)];
        InElements = [.. Elements.SelectMany(child => child.AllIndexes)];
    }

    /// <summary>A number of its own, from 0 for the root.</summary>
    public int Id { get; }

    /// <summary>The steps from the top to here.</summary>
    public string Path { get; }

    /// <summary>The columns that take the value found here.</summary>
    public int[] ColumnIndexes { get; }

    /// <summary>The columns that take a value found further below where an object is here.</summary>
    public int[] InMembers { get; }

    /// <summary>The same where an array is here.</summary>
    public int[] InElements { get; }

    /// <summary>Whether it names the device.</summary>
    public bool IsDevice { get; }

    /// <summary>Whether it names the reading's own time.</summary>
    public bool IsTime { get; }

    /// <summary>The column that takes the value found here, where nothing else is to be done about it; else -1.</summary>
    public int OnlyColumn { get; }

    /// <summary>Whether steps go on from here.</summary>
    public bool HasMore { get; }

    private BodyPath[] Members { get; }

    private BodyPath[] Elements { get; }

    private IEnumerable<int> AllIndexes => ColumnIndexes.Concat(InMembers).Concat(InElements);

    /// <summary>The tree of places in a body.</summary>
    /// <param name="places">The steps to each, and what takes it.</param>
    /// <param name="ignoresCase">Whether names match in any case.</param>
    /// <param name="id">Numbers the paths.</param>
    public static BodyPath Tree(
        IEnumerable<(IReadOnlyList<PlaceStep> Steps, PlaceTarget Target)> places, bool ignoresCase, Func<int> id) =>
        new(default, "", [.. places], ignoresCase, id);

    /// <summary>Whether steps go on into a value that begins so.</summary>
    public bool LeadsInto(JsonTokenType token) =>
        (token == JsonTokenType.StartObject && Members.Length > 0) || (token == JsonTokenType.StartArray && Elements.Length > 0);

    /// <summary>The name <paramref name="name"/> directly below this one, or null where nothing is mapped there.</summary>
    public BodyPath? Member(ReadOnlySpan<byte> name)
    {
        foreach (var child in Members)
        {
            if (name.SequenceEqual(child._name))
            {
                return child;
            }
        }

        return _ignoresCase ? MemberInAnyCase(name) : null;
    }

    /// <summary>The element <paramref name="index"/> directly below this one, or null where nothing is mapped there.</summary>
    public BodyPath? Element(int index)
    {
        foreach (var child in Elements)
        {
            if (child._index == index)
            {
                return child;
            }
        }

        return null;
    }

    private BodyPath? MemberInAnyCase(ReadOnlySpan<byte> name)
    {
        foreach (var child in Members)
        {
            if (child.IsNamed(name))
            {
                return child;
            }
        }

        return null;
    }

    private bool IsNamed(ReadOnlySpan<byte> name) =>
        Ascii.EqualsIgnoreCase(name, _name)
        || (name.Length <= 3 * _name.Length
            && !Ascii.IsValid(name) && Encoding.UTF8.GetString(name).Equals(_text, StringComparison.OrdinalIgnoreCase));

    private BodyPath Child(
        PlaceStep step, IEnumerable<(IReadOnlyList<PlaceStep> Steps, PlaceTarget Target)> targets, Func<int> id)
    {
        var text = step.ToString();
        return new(
            step,
            Path.Length == 0 ? text.TrimStart('.') : Path + text,
            [.. targets.Select(target => ((IReadOnlyList<PlaceStep>)[.. target.Steps.Skip(1)], target.Target))],
            _ignoresCase,
            id);
    }
}
