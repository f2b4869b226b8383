using OnnxStream.Interop.Http;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop;

/// <summary>The files of a model on an HTTP server. Headers and weights are read by ranges when they are needed; nothing is written to disk.</summary>
/// <remarks>
/// <para>
/// The server must give parts of files (<c>Accept-Ranges: bytes</c>), as servers of static files and object stores do. Requests go through the proxy of
/// the environment, follow redirects, and are tried again after failures that may pass (RFC 9110, sections 14 and 15).
/// </para>
/// <para>Use it with <see cref="Model.Load(ModelFiles, string)"/>, or open a URL with <see cref="OpenModel"/>. Dispose of it after the last session of its models.</para>
/// </remarks>
public sealed class HttpFiles : ModelFiles, IDisposable
{
    private readonly Uri _folder;
    private readonly HttpConnection _connection;

    /// <summary>Names a folder.</summary>
    /// <param name="folder">Its address, <c>http</c> or <c>https</c>. A query is sent with each file of it.</param>
    /// <param name="options">How to talk to the server; null for the defaults.</param>
    /// <exception cref="ArgumentException">The address is no absolute one of HTTP, or has a user and password in it.</exception>
    public HttpFiles(Uri folder, HttpFilesOptions? options = null)
        : base(Checked(folder).GetLeftPart(UriPartial.Path).TrimEnd('/'))
    {
        options ??= new HttpFilesOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(options.Retries);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Connections, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.Patience, TimeSpan.Zero);
        _folder = folder;
        _connection = new HttpConnection(folder, options);
    }

    /// <summary>Whether a text is an address that this class can be used for, and not a path.</summary>
    public static bool IsAddress(string text) =>
        text.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    /// <summary>Opens the model at an address: an <c>.onnx</c> file, the <c>model.txt</c> of an OnnxStream folder, or a folder that holds either.</summary>
    /// <param name="address">The address. Files that the model names are looked for beside it.</param>
    /// <param name="options">How to talk to the server; null for the defaults.</param>
    /// <returns>The model, and its files, which the caller disposes of.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">It is damaged, or not a model.</exception>
    /// <exception cref="WeightsException">The server cannot be reached, refuses, or gives no parts of files.</exception>
    public static (Model Model, HttpFiles Files) OpenModel(Uri address, HttpFilesOptions? options = null)
    {
        Checked(address);
        string last = Uri.UnescapeDataString(address.Segments[^1]);
        bool isFile = last.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) || last.EndsWith(".txt", StringComparison.OrdinalIgnoreCase);
        Uri folder = isFile || last.EndsWith('/') ? address : new UriBuilder(address) { Path = address.AbsolutePath + "/" }.Uri;
        HttpFiles files = new(isFile ? new Uri(new Uri(address, ".").GetLeftPart(UriPartial.Path) + address.Query) : folder, options);
        try
        {
            if (isFile)
            {
                return (Model.Load(files, last), files);
            }

            string name = files.Find("model.txt") is not null ? "model.txt" : files.Find("model.onnx") is not null ? "model.onnx" :
                throw new FileNotFoundException($"There is no model at '{files.Id}': neither model.txt nor model.onnx. The address of a file ends with its name.");
            return (Model.Load(files, name), files);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _connection.Dispose();

    /// <inheritdoc/>
    protected override WeightSource? FindCore(string name)
    {
        string path = string.Join('/', name.Split('/').Select(Uri.EscapeDataString));
        Uri address = new UriBuilder(_folder) { Path = $"{_folder.AbsolutePath.TrimEnd('/')}/{path}" }.Uri;
        return HttpSource.TryOpen(address, _connection);
    }

    private static Uri Checked(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps))
        {
            throw new ArgumentException($"'{address}' is no address that begins with http:// or https://.", nameof(address));
        }

        return address.UserInfo.Length == 0 ? address : throw new ArgumentException(
            $"The address of {address.Host} has a user or a password in it, which messages would show. Give a token ({HttpFilesOptions.TokenVariable}) instead.", nameof(address));
    }
}
