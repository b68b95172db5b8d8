using System.Globalization;

namespace Ingest.TestSupport.Databases;

/// <summary>The user that PostgreSQL runs as: it refuses to be root.</summary>
internal static class UnprivilegedUser
{
    /// <summary>User and group id for the scripts; dashes where this process may go on as itself.</summary>
    public static (string User, string Group) Ids()
    {
        if (!Environment.IsPrivilegedProcess || OperatingSystem.IsWindows())
        {
            return ("-", "-");
        }

        var nobody = File.ReadLines("/etc/passwd").Select(line => line.Split(':')).First(fields => fields[0] == "nobody");
        return (Unsigned(nobody[2]), Unsigned(nobody[3]));
    }

    // macOS has it as -2.
    private static string Unsigned(string id) =>
        unchecked((uint)long.Parse(id, CultureInfo.InvariantCulture)).ToString(CultureInfo.InvariantCulture);
}
