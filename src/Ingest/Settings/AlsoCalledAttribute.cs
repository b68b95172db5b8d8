namespace Ingest.Settings;

/// <summary>Other systems' names for a value of a setting. They are not accepted; the error names the right value.</summary>
[AttributeUsage(AttributeTargets.Field)]
internal sealed class AlsoCalledAttribute(params string[] names) : Attribute
{
    public IReadOnlyList<string> Names { get; } = names;
}
