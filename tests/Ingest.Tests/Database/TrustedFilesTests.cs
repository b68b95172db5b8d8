using Ingest.Cli.Hosting;
using Ingest.Database;
using Ingest.Database.Embedded;
using Xunit;

namespace Ingest.Tests.Database;

/// <summary>
/// What somebody else may change decides over nothing: state, lock files, <c>appsettings.json</c>. On Windows there is nothing to test.
/// </summary>
public sealed class TrustedFilesTests : IDisposable
{
    private const UnixFileMode OwnersAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const uint Me = 1_000;

    private readonly string _folder = Directory.CreateTempSubdirectory("ingest-trust-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(Me, Me, "700", null)]
    [InlineData(Me, Me, "644", null)]
    [InlineData(Me, Me, "664", null)] // umask 002, with a group of the user's own
    [InlineData(Me, 50u, "664", "mode is 664")]
    [InlineData(Me, Me, "666", "mode is 666")]
    [InlineData(0u, 0u, "644", null)] // in a container the file is root's, the process is not
    [InlineData(0u, 0u, "646", "mode is 646")]
    [InlineData(0u, 50u, "664", "mode is 664")]
    [InlineData(1_001u, 1_001u, "600", "belongs to another user")]
    [InlineData(1_001u, Me, "664", "belongs to another user")]
    public void A_file_is_trusted_that_only_this_user_or_root_can_write(uint owner, uint group, string mode, string? doubt)
    {
        var facts = new FileFacts(IsLink: false, owner, group, (UnixFileMode)Convert.ToInt32(mode, 8));

        if (doubt is null)
        {
            Assert.Null(facts.Doubt(Me));
        }
        else
        {
            Assert.Contains(doubt, facts.Doubt(Me), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Root_trusts_what_is_roots_alone() =>
        Assert.NotNull(new FileFacts(IsLink: false, Me, Me, OwnersAlone).Doubt(me: 0));

    [Fact]
    public void The_owner_and_the_mode_are_those_of_the_file_system()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        File.SetUnixFileMode(_folder, OwnersAlone | UnixFileMode.OtherRead);
        var own = FileFacts.Of(_folder, followLinks: false);
        var roots = FileFacts.Of("/", followLinks: false);

        Assert.Equal(
            (false, FileFacts.EffectiveUser(), OwnersAlone | UnixFileMode.OtherRead), (own!.Value.IsLink, own.Value.Owner, own.Value.Mode));
        Assert.Equal(0u, roots!.Value.Owner);
        Assert.Null(FileFacts.Of(Path.Combine(_folder, "none"), followLinks: false));
        Assert.Equal(Environment.IsPrivilegedProcess, FileFacts.EffectiveUser() == 0);
    }

    [Fact]
    public async Task The_data_folder_and_its_files_are_this_users_alone()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // As an earlier version left them.
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "database")).FullName;
        var lockFile = Path.Combine(folder, "lock");
        await File.WriteAllTextAsync(lockFile, "", Token);
        File.SetUnixFileMode(folder, OwnersAlone | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        File.SetUnixFileMode(lockFile, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);

        using var taken = await DataFolderLock.TakeAsync(folder, Token);
        taken.SetServer(1, DateTime.UnixEpoch);

        Assert.Equal(OwnersAlone, File.GetUnixFileMode(folder));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(lockFile));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(folder, "owner")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("lock")]
    public async Task A_link_in_the_place_of_a_folder_or_of_its_lock_is_refused_in_words(string name)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var elsewhere = Directory.CreateDirectory(Path.Combine(_folder, "elsewhere")).FullName;
        var folder = Path.Combine(_folder, "database");
        var link = Path.Combine(folder, name);
        if (name.Length == 0)
        {
            Directory.CreateSymbolicLink(folder, elsewhere);
        }
        else
        {
            Directory.CreateDirectory(folder);
            File.CreateSymbolicLink(link, Path.Combine(elsewhere, "victim"));
        }

        var refused = await Assert.ThrowsAsync<DatabaseSetupException>(() => DataFolderLock.TakeAsync(folder, Token));

        Assert.Contains("is a symbolic link", refused.Message, StringComparison.Ordinal);
        Assert.Contains("XDG_STATE_HOME", refused.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(elsewhere));
    }

    [Fact]
    public async Task A_folder_that_everybody_may_write_to_is_refused_in_words()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        File.SetUnixFileMode(_folder, OwnersAlone | UnixFileMode.OtherWrite);

        var refused = await Assert.ThrowsAsync<DatabaseSetupException>(() => DataFolderLock.TakeAsync(_folder, Token));

        Assert.Contains("can be written by others", refused.Message, StringComparison.Ordinal);
        Assert.Contains("chmod go-w", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_settings_file_that_others_may_write_is_not_read()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var file = Settings();
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherWrite);

        var refused = Assert.Throws<CommandException>(() => IngestConfiguration.Build([], _folder));

        Assert.Contains(file, refused.Message, StringComparison.Ordinal);
        Assert.Contains("can be written by others", refused.Message, StringComparison.Ordinal);
        Assert.Contains("chmod go-w", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_to_a_settings_file_is_followed_and_judged_by_what_it_leads_to()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // As Kubernetes mounts a ConfigMap.
        var file = Settings();
        var mounted = Directory.CreateDirectory(Path.Combine(_folder, "mounted")).FullName;
        File.CreateSymbolicLink(Path.Combine(mounted, "appsettings.json"), file);
        Assert.Equal("readings", IngestConfiguration.Build([], mounted)["Telemetry:Table"]);

        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherWrite);

        Assert.Throws<CommandException>(() => IngestConfiguration.Build([], mounted));
    }

    private string Settings()
    {
        var file = Path.Combine(_folder, "appsettings.json");
        File.WriteAllText(file, """{ "Telemetry": { "Table": "readings" } }""");
        return file;
    }
}
