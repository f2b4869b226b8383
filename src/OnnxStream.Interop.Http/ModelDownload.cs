using OnnxStream.Interop.Http;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop;

/// <summary>The download of a model: what it has and how much of that is missing is known before any of it comes.</summary>
/// <remarks>
/// Files come several at once and go on where a connection, or an earlier download, ended. Each is checked with its hash where anybody states one, and
/// is in its place only when it is whole; the model is there only when all of them are. A full disk is an <see cref="IOException"/>, and what has come is kept.
/// </remarks>
public sealed class ModelDownload : IDisposable
{
    private const int MostManifestBytes = 16 << 20;

    private const string VersionSuffix = ".onnxstream-version";

    private readonly HttpConnection _connection;
    private readonly LocalModels _local;
    private readonly HubFolder? _hub;
    private readonly string _commit = "";
    private readonly string _revision = "";
    private readonly string _origin = "";

    private ModelDownload(string name, string folder, IReadOnlyList<DownloadFile> files, HttpConnection connection, LocalModels local, HubFolder hub, string commit, string revision)
        : this(name, folder, files, connection, local, "") => (_hub, _commit, _revision) = (hub, commit, revision);

    private ModelDownload(string name, string folder, IReadOnlyList<DownloadFile> files, HttpConnection connection, LocalModels local, string origin) =>
        (Name, Folder, Files, _connection, _local, _origin) = (name, folder, files, connection, local, origin);

    /// <summary>The name that the model can be found by afterwards.</summary>
    public string Name { get; }

    /// <summary>Where the model will be.</summary>
    public string Folder { get; }

    /// <summary>Its files.</summary>
    public IReadOnlyList<DownloadFile> Files { get; }

    /// <summary>The bytes of all files whose lengths are known.</summary>
    public long TotalBytes => Files.Sum(file => file.Length ?? 0);

    /// <summary>The bytes that are not here yet.</summary>
    public long MissingBytes => IsComplete ? 0 : Files.Where(file => !IsHere(file)).Sum(file => Math.Max(0, (file.Length ?? 0) - FileFetch.PartLength(file, PathOf(file))));

    /// <summary>Whether all of it is here.</summary>
    public bool IsComplete => _hub is null
        ? IsPublished()
        : Files.All(file => new FileInfo(Path.Combine(_hub.SnapshotPath(_commit), file.Name)).Exists && _hub.Has(file, _commit));

    /// <summary>Finds out what a model has.</summary>
    /// <param name="model">A name of <see cref="ModelRegistry"/>, a repository (<c>OWNER/NAME</c>, <c>OWNER/NAME@REVISION</c>), or an address: of a repository on the hub, of a manifest (<see cref="DownloadManifest"/>), of a folder that has one, or of a model.</param>
    /// <param name="options">What is wanted; null for the defaults.</param>
    /// <param name="open">Opens what is wanted of an address without a manifest, by finding it: all that it finds is downloaded. Null for one model, with the files that it names.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentException">The name or address is none, or stands for nothing.</exception>
    /// <exception cref="FileNotFoundException">There is nothing at the address.</exception>
    /// <exception cref="WeightsException">The server refuses, or is lost.</exception>
    /// <exception cref="ModelFormatException">What the server says is not what it should be.</exception>
    public static async Task<ModelDownload> FindAsync(string model, ModelDownloadOptions? options = null, Action<ModelFiles>? open = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        options ??= new ModelDownloadOptions();
        if (ModelRegistry.Find(model) is { } known)
        {
            return await FindRepositoryAsync(known.Name, known.Repository, known.Revision, known.Folder, options.Included.Count > 0 ? options.Included : known.Files, options, cancellationToken).ConfigureAwait(false);
        }

        if (RepositoryName.TryParse(model, out string repository, out string revision))
        {
            return await FindRepositoryAsync(model, repository, revision, "", options.Included, options, cancellationToken).ConfigureAwait(false);
        }

        if (!HttpFiles.IsAddress(model) || !Uri.TryCreate(model, UriKind.Absolute, out Uri? address))
        {
            throw new ArgumentException($"'{model}' is no model that is known, no repository (OWNER/NAME), and no address (http://, https://). Known are {string.Join(", ", ModelRegistry.All.Select(entry => entry.Name))}.", nameof(model));
        }

        return OnHub(address, options) is { } onHub && RepositoryName.TryParse(onHub, out repository, out revision)
            ? await FindRepositoryAsync(onHub, repository, revision, "", options.Included, options, cancellationToken).ConfigureAwait(false)
            : await FindAddressAsync(address, options, open, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Brings what is missing.</summary>
    /// <param name="progress">Is told of all bytes, from any thread; null for none.</param>
    /// <param name="cancellationToken">Stops; what has come is kept, and the next download goes on from there.</param>
    /// <returns>The model's folder.</returns>
    /// <exception cref="IOException">The disk has too little room, or cannot be written to.</exception>
    /// <exception cref="WeightsException">A server refuses or is lost, or what it sends is not what it should be.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task<string> RunAsync(IProgress<DownloadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (IsComplete)
        {
            _hub?.Link(_commit, _revision, Files);
            return Folder;
        }

        string place = _hub?.Path ?? _local.PartialOf(Name);
        Directory.CreateDirectory(place);
        CheckRoom(place);
        DownloadFile[] missing = [.. Files.Where(file => !IsHere(file)).DistinctBy(PathOf)];
        long total = TotalBytes, done = total - missing.Sum(file => (file.Length ?? 0) - FileFetch.PartLength(file, PathOf(file)));
        FileFetch fetch = new(_connection);
        await Parallel.ForEachAsync(missing, new ParallelOptions { MaxDegreeOfParallelism = _connection.Options.Connections, CancellationToken = cancellationToken }, async (file, token) =>
        {
            string path = PathOf(file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await fetch.FetchAsync(file, path, Count, token).ConfigureAwait(false);
            if (_hub is null && file is { Hash: null, Version: { } version })
            {
                await File.WriteAllTextAsync(VersionPath(path), version, token).ConfigureAwait(false);
            }

            void Count(long bytes)
            {
                long now = Interlocked.Add(ref done, bytes);
                progress?.Report(new DownloadProgress(file.Name, now, Math.Max(now, total)));
            }
        }).ConfigureAwait(false);
        if (_hub is not null)
        {
            _hub.Link(_commit, _revision, Files);
        }
        else
        {
            Publish(place, cancellationToken);
        }

        return Folder;
    }

    /// <inheritdoc/>
    public void Dispose() => _connection.Dispose();

    private static async Task<ModelDownload> FindRepositoryAsync(string name, string repository, string revision, string folder, IReadOnlyList<string> included, ModelDownloadOptions options, CancellationToken cancellationToken)
    {
        Uri endpoint = options.Endpoint ?? HubEnvironment.Endpoint ?? throw new ArgumentException(
            $"'{name}' is the repository {repository}, and no hub is known that has it: set {HubEnvironment.EndpointVariable} to the address of one (https://…), or give the address of the model itself.", nameof(name));
        string? token = options.Http.BearerToken ?? Environment.GetEnvironmentVariable(HttpFilesOptions.HuggingFaceTokenVariable);
        HttpConnection connection = new(endpoint, options.Http with { BearerToken = token });
        try
        {
            HubRepository found = await HubRepository.AskAsync(connection, endpoint, repository, revision, cancellationToken).ConfigureAwait(false);
            DownloadFile[] files = [.. found.Files.Where(file => included.Count > 0
                ? included.Any(pattern => LocalModels.IsMatch(pattern, file.Name))
                : !ModelDownloadOptions.UsualExcluded.Any(pattern => LocalModels.IsMatch(pattern, file.Name)))];
            if (files.Length == 0)
            {
                throw new FileNotFoundException($"The repository {repository} has none of the files {(included.Count > 0 ? string.Join(", ", included) : "that a model here is made of")}; it has {string.Join(", ", found.Files.Take(20).Select(file => file.Name))}{(found.Files.Count > 20 ? $" and {found.Files.Count - 20:N0} more" : "")}.");
            }

            HubFolder hub = new(options.Local.HubCache, repository);
            return new ModelDownload(name, Path.Combine(hub.SnapshotPath(found.Commit), folder), files, connection, options.Local, hub, found.Commit, revision);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static async Task<ModelDownload> FindAddressAsync(Uri address, ModelDownloadOptions options, Action<ModelFiles>? open, CancellationToken cancellationToken)
    {
        // Checks the address, too.
        using HttpFiles files = new(new Uri(address, "."), options.Http);
        string last = Uri.UnescapeDataString(address.Segments[^1]).TrimEnd('/');
        string name = options.Name ?? (last.Contains('.', StringComparison.Ordinal) && (last.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) || last is "model.txt" or DownloadManifest.FileName)
            ? last is "model.txt" or "model.onnx" or DownloadManifest.FileName && address.Segments.Length > 2 ? Uri.UnescapeDataString(address.Segments[^2]).TrimEnd('/') : Path.GetFileNameWithoutExtension(last)
            : last);
        if (!LocalModels.IsName(name))
        {
            throw new ArgumentException($"'{name}' cannot be the name of a model: letters, digits, '-', '_' and '.' can. Give it another name.", nameof(options));
        }

        HttpConnection connection = new(address, options.Http);
        try
        {
            bool isModel = last.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) || last == "model.txt";
            IReadOnlyList<DownloadFile> found = (isModel ? null : await FindManifestAsync(connection, address, last, cancellationToken).ConfigureAwait(false)) ?? FindModel(address, isModel ? last : null, options, open);
            return new ModelDownload(name, options.Local.FolderOf(name), found, connection, options.Local, HttpConnection.Name(address));
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static async Task<IReadOnlyList<DownloadFile>?> FindManifestAsync(HttpConnection connection, Uri address, string last, CancellationToken cancellationToken)
    {
        bool isManifest = last.EndsWith(".json", StringComparison.OrdinalIgnoreCase);
        Uri manifest = isManifest ? address : new UriBuilder(address) { Path = $"{address.AbsolutePath.TrimEnd('/')}/{DownloadManifest.FileName}" }.Uri;
        using HttpResponseMessage answer = await connection.SendAsync(manifest, null, cancellationToken).ConfigureAwait(false);
        return answer.StatusCode switch
        {
            System.Net.HttpStatusCode.OK => DownloadManifest.Parse(await HubRepository.BodyAsync(answer, manifest, connection, MostManifestBytes, cancellationToken).ConfigureAwait(false), manifest).Files,
            System.Net.HttpStatusCode.NotFound or System.Net.HttpStatusCode.Gone when !isManifest => null,
            _ => throw connection.Refusal(manifest, answer),
        };
    }

    private static IReadOnlyList<DownloadFile> FindModel(Uri address, string? file, ModelDownloadOptions options, Action<ModelFiles>? open)
    {
        using HttpFiles files = new(file is null ? address : new UriBuilder(new Uri(address, ".")) { Query = address.Query }.Uri, options.Http);
        RecordingFiles recording = new(files);
        if (file is null && open is not null)
        {
            open(recording);
        }
        else
        {
            string? name = file ?? (files.Find("model.txt") is not null ? "model.txt" : files.Find("model.onnx") is not null ? "model.onnx" : null);
            Model.Load(recording, name ?? throw new FileNotFoundException($"There is no model at '{files.Id}': neither {DownloadManifest.FileName}, model.txt nor model.onnx. The address of a file ends with its name."));
        }

        return recording.Found.Count > 0 ? [.. recording.Found] : throw new FileNotFoundException($"There is no model at '{files.Id}'.");
    }

    // OWNER/NAME of an address like ENDPOINT/OWNER/NAME or ENDPOINT/OWNER/NAME/tree/REVISION.
    private static string? OnHub(Uri address, ModelDownloadOptions options)
    {
        if ((options.Endpoint ?? HubEnvironment.Endpoint) is not { } endpoint || endpoint.Host != address.Host || endpoint.Port != address.Port)
        {
            return null;
        }

        string root = endpoint.AbsolutePath.TrimEnd('/') + "/";
        string[] parts = address.AbsolutePath.StartsWith(root, StringComparison.Ordinal) ? address.AbsolutePath[root.Length..].TrimEnd('/').Split('/') : [];
        return parts switch
        {
            [var owner, var name] => $"{owner}/{name}",
            [var owner, var name, "tree", var revision] => $"{owner}/{name}@{Uri.UnescapeDataString(revision)}",
            _ => null,
        };
    }

    private string PathOf(DownloadFile file) => _hub?.BlobPath(file.Hash!) ?? Path.Combine(_local.PartialOf(Name), file.Name);

    private bool IsHere(DownloadFile file) => _hub?.Has(file, _commit) ?? IsSame(file, PathOf(file));

    // A file has its name only when it is whole. One of the same length may still be an earlier version.
    private static bool IsSame(DownloadFile file, string path)
    {
        FileInfo found = new(path);
        if (!found.Exists || (file.Length is { } length && found.Length != length))
        {
            return false;
        }

        if (file.Hash is not { } expected)
        {
            return file.Version is not null && File.Exists(VersionPath(path)) && File.ReadAllText(VersionPath(path)) == file.Version;
        }

        using FileStream stream = File.OpenRead(path);
        return Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(stream)) == expected;
    }

    private static string VersionPath(string path) => path + VersionSuffix;

    // What was downloaded last says what it was, so that no file need be read again.
    private bool IsPublished()
    {
        string manifest = Path.Combine(Folder, DownloadManifest.FileName);
        if (!File.Exists(manifest))
        {
            return false;
        }

        Dictionary<string, DownloadFile> here = DownloadManifest.Parse(File.ReadAllBytes(manifest), new Uri(manifest)).Files.ToDictionary(file => file.Name);
        return Files.All(file => here.TryGetValue(file.Name, out DownloadFile? old) && (file.Length ?? old.Length) == old.Length && new FileInfo(Path.Combine(Folder, file.Name)) is { Exists: true } found && found.Length == old.Length &&
            (file.Hash is not null ? file.Hash == old.Hash : file.Version is not null && file.Version == old.Version));
    }

    private void CheckRoom(string place)
    {
        long needed = MissingBytes, free;
        try
        {
            free = new DriveInfo(place).AvailableFreeSpace;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return;
        }

        if (needed > free)
        {
            throw new IOException($"{place}: {needed:N0} bytes are still to come, and the disk has room for {free:N0}. Nothing was downloaded; what came before is kept.");
        }
    }

    // All files are there: the folder gets its manifest, and then its name.
    private void Publish(string partial, CancellationToken cancellationToken)
    {
        // What is left of an earlier version of the model.
        foreach (string extra in Directory.EnumerateFiles(partial, "*", SearchOption.AllDirectories).Where(path => !Files.Any(file => Path.Combine(partial, file.Name) == path)).ToArray())
        {
            File.Delete(extra);
        }

        Dictionary<string, string?> versions = Files.ToDictionary(file => file.Name, file => file.Version);
        DownloadManifest made = DownloadManifest.OfFolder(partial, cancellationToken);
        byte[] manifest = new DownloadManifest([.. made.Files.Select(file => file with { Version = versions.GetValueOrDefault(file.Name) })]).Write(_origin);
        File.WriteAllBytes(Path.Combine(partial, DownloadManifest.FileName), manifest);
        string? old = Directory.Exists(Folder) ? $"{Folder}.{Path.GetRandomFileName()}.partial" : null;
        if (old is not null)
        {
            Directory.Move(Folder, old);
        }

        Directory.Move(partial, Folder);
        if (old is not null)
        {
            Directory.Delete(old, recursive: true);
        }
    }
}
