using System.Text;

namespace Ingest.Decode;

/// <summary>A name in the mapped body paths, and the names below it: a tree that the decoder walks along with the body.</summary>
internal sealed class BodyPath
{
    private readonly byte[] _name;

    private BodyPath(string name, string path, IEnumerable<(string[] Names, int? ColumnIndex)> below, Func<int> nextId)
    {
        _name = Encoding.UTF8.GetBytes(name);
        Path = path;
        Id = nextId();
        IsDevice = path == DeviceNames.Field;
        var columns = below.ToLookup(target => target.Names.Length == 0, target => target);
        ColumnIndexes = [.. columns[true].Select(target => target.ColumnIndex).OfType<int>()];
        Children =
        [
            .. columns[false]
                .GroupBy(target => target.Names[0], StringComparer.Ordinal)
                .Select(group => new BodyPath(
                    group.Key,
                    path.Length == 0 ? group.Key : $"{path}.{group.Key}",
                    group.Select(target => (target.Names[1..], target.ColumnIndex)),
                    nextId)),
        ];
        IndexesBelow = [.. Children.SelectMany(child => child.ColumnIndexes.Concat(child.IndexesBelow))];
    }

    /// <summary>A number of its own within the tree, from 0 for the root.</summary>
    public int Id { get; }

    /// <summary>The names from the top to here, divided by dots.</summary>
    public string Path { get; }

    /// <summary>The columns that take the value found here.</summary>
    public int[] ColumnIndexes { get; }

    /// <summary>The columns that take a value found further below.</summary>
    public int[] IndexesBelow { get; }

    public BodyPath[] Children { get; }

    /// <summary>Whether this is the field <c>device</c> of the reading itself.</summary>
    public bool IsDevice { get; }

    /// <summary>How many names the tree has.</summary>
    public int Size => 1 + Children.Sum(child => child.Size);

    /// <summary>The tree of the mapped paths and of <c>device</c>, which the decoder always looks at.</summary>
    public static BodyPath Tree(IEnumerable<(string[] Names, int ColumnIndex)> paths)
    {
        var id = 0;
        var all = paths.Select(path => (path.Names, (int?)path.ColumnIndex)).Append(([DeviceNames.Field], null));
        return new BodyPath("", "", all, () => id++);
    }

    /// <summary>The name <paramref name="name"/> directly below this one, or null where nothing is mapped there.</summary>
    public BodyPath? Child(ReadOnlySpan<byte> name)
    {
        foreach (var child in Children)
        {
            if (name.SequenceEqual(child._name))
            {
                return child;
            }
        }

        return null;
    }
}
