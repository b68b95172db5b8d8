namespace Ingest.Settings;

/// <summary>Names from elsewhere for a value of a setting: not taken, and known well enough to say which is.</summary>
[AttributeUsage(AttributeTargets.Field)]
internal sealed class AlsoCalledAttribute(params string[] names) : Attribute
{
    public IReadOnlyList<string> Names { get; } = names;
}
