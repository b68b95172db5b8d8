using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Ingest.Database;

/// <summary>
/// Whether files are this user's own: what somebody else may change decides over nothing here. Root's are trusted, as root can do all of it
/// anyway (and as in a container the files are root's and the process is not). On Windows nothing is checked.
/// </summary>
public static class TrustedFiles
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>
    /// Why a file or folder is not to be trusted, as the end of a sentence that begins with its name; null where it is, and where there is
    /// none.
    /// </summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="linksAllowed">Whether it may be a symbolic link to something that is trusted, and belongs to somebody who is.</param>
    public static string? Doubt(string path, bool linksAllowed = false)
    {
        if (OperatingSystem.IsWindows() || FileFacts.Of(path, followLinks: false) is not { } facts)
        {
            return null;
        }

        var me = FileFacts.EffectiveUser();
        if (!facts.IsLink)
        {
            return facts.Doubt(me);
        }

        return !linksAllowed ? "is a symbolic link, which can lead anywhere"
            : facts.Doubt(me) ?? FileFacts.Of(path, followLinks: true)?.Doubt(me);
    }

    /// <summary>Makes a folder unless it is there; others may look into it, not write.</summary>
    /// <exception cref="DatabaseSetupException">Something is there that somebody else may change.</exception>
    public static void MakeFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
            return;
        }

        Check(path);
        Directory.CreateDirectory(
            path, Private | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
    }

    /// <summary>Makes a folder for this user alone (0700), or closes to others the one that is there.</summary>
    /// <exception cref="DatabaseSetupException">Something is there that somebody else may change.</exception>
    public static void MakePrivateFolder(string path)
    {
        MakeFolder(path);
        Close(path, Private);
    }

    /// <summary>Opens a lock file that is this user's alone (0600), making it if it is missing.</summary>
    /// <exception cref="DatabaseSetupException">Something is there that somebody else may change.</exception>
    /// <exception cref="IOException">Another process holds it.</exception>
    public static FileStream OpenLock(string path)
    {
        var opened = OpenPrivate(path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
        Close(path, PrivateFile);
        return opened;
    }

    /// <summary>Writes a file that is this user's alone (0600).</summary>
    /// <exception cref="DatabaseSetupException">Something is there that somebody else may change.</exception>
    public static void WritePrivate(string path, string text)
    {
        using var writer = new StreamWriter(OpenPrivate(path, FileMode.Create, FileAccess.Write));
        writer.Write(text);
    }

    private static FileStream OpenPrivate(string path, FileMode mode, FileAccess access)
    {
        var options = new FileStreamOptions { Mode = mode, Access = access, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
        {
            Check(path);
            options.UnixCreateMode = PrivateFile;
        }

        return new FileStream(path, options);
    }

    private static void Check(string path)
    {
        if (Doubt(path) is { } doubt)
        {
            throw new DatabaseSetupException(
                $"{path} {doubt}. What is kept there is run and stored as yours, so it has to be yours: remove it if it is not, "
                + "or name another place for Ingest's state with XDG_STATE_HOME.");
        }
    }

    private static void Close(string path, UnixFileMode mode)
    {
        // Only what is ours: root's, where we are not root, is as root wants it.
        if (!OperatingSystem.IsWindows()
            && FileFacts.Of(path, followLinks: false)?.Owner == FileFacts.EffectiveUser()
            && File.GetUnixFileMode(path) != mode)
        {
            File.SetUnixFileMode(path, mode);
        }
    }
}

/// <summary>What a Unix file system says of a file, as far as trust depends on it.</summary>
internal readonly record struct FileFacts(bool IsLink, uint Owner, uint Group, UnixFileMode Mode)
{
    private const int TypeMask = 0xF000;
    private const int Link = 0xA000;

    public static FileFacts? Of(string path, bool followLinks)
    {
        var name = new byte[Encoding.UTF8.GetByteCount(path) + 1];
        Encoding.UTF8.GetBytes(path, name);
        // More than the runtime's structure has: flags, mode, user and group come first.
        var status = new byte[512];
        if ((followLinks ? Stat(name, status) : LStat(name, status)) != 0)
        {
            return null;
        }

        var mode = Number(4);
        return new FileFacts((mode & TypeMask) == Link, (uint)Number(8), (uint)Number(12), (UnixFileMode)(mode & 0xFFF));

        int Number(int at) => BitConverter.IsLittleEndian
            ? BinaryPrimitives.ReadInt32LittleEndian(status.AsSpan(at))
            : BinaryPrimitives.ReadInt32BigEndian(status.AsSpan(at));
    }

    public string? Doubt(uint me)
    {
        if (Owner != me && Owner != 0)
        {
            return string.Create(
                CultureInfo.InvariantCulture, $"belongs to another user (its owner has the id {Owner}, this process {me})");
        }

        // Everybody may "write" a link. A group with its owner's number is that user's own, where umask 002 is the rule.
        var writers = (Group == Owner ? UnixFileMode.None : UnixFileMode.GroupWrite) | UnixFileMode.OtherWrite;
        return !IsLink && (Mode & writers) != 0
            ? $"can be written by others (its mode is {Convert.ToString((int)Mode, 8)}; chmod go-w takes that away)"
            : null;
    }

    [DllImport("libSystem.Native", EntryPoint = "SystemNative_GetEUid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories | DllImportSearchPath.AssemblyDirectory)]
    public static extern uint EffectiveUser();

    // The runtime's own way to the file system, which is the same on every Unix; .NET has no public one to an owner.
    [DllImport("libSystem.Native", EntryPoint = "SystemNative_LStat")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories | DllImportSearchPath.AssemblyDirectory)]
    private static extern int LStat(byte[] path, byte[] status);

    [DllImport("libSystem.Native", EntryPoint = "SystemNative_Stat")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories | DllImportSearchPath.AssemblyDirectory)]
    private static extern int Stat(byte[] path, byte[] status);
}
