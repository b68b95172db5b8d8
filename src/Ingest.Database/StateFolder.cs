namespace Ingest.Database;

/// <summary>Where this user's state is kept between runs.</summary>
public static class StateFolder
{
    /// <summary>
    /// <c>$XDG_STATE_HOME/ingest</c> or <c>~/.local/state/ingest</c>; <c>~/Library/Application Support/ingest</c> on macOS;
    /// <c>%LOCALAPPDATA%\ingest</c> on Windows.
    /// </summary>
    public static string OfUser => Path.Combine(Root(), "ingest");

    private static string Root()
    {
        if (OperatingSystem.IsWindows())
        {
            return Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
        }

        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (OperatingSystem.IsMacOS())
        {
            return Path.Combine(home, "Library", "Application Support");
        }

        // A relative path in XDG_STATE_HOME is to be ignored, says its specification.
        var configured = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        return Path.IsPathRooted(configured) ? configured : Path.Combine(home, ".local", "state");
    }
}
