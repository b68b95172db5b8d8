namespace Ingest.LocalHub.Storage;

internal static class ConsumerGroup
{
    public const string Default = "$Default";

    /// <summary>Names of consumer groups differ by more than case.</summary>
    public static readonly StringComparer Comparer = StringComparer.OrdinalIgnoreCase;

    public static bool IsDefault(string group) => Comparer.Equals(group, Default);
}
