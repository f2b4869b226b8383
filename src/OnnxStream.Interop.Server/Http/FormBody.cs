using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace OnnxStream.Interop.Server.Http;

/// <summary>A form with files. All of it is in memory: a body is not larger than the server allows, and no file is written for it.</summary>
internal sealed class FormBody
{
    private readonly HttpContext _context;
    private readonly IFormCollection _form;

    private FormBody(HttpContext context, IFormCollection form) => (_context, _form) = (context, form);

    /// <summary>Reads the body of a request.</summary>
    /// <param name="context">The request.</param>
    /// <param name="mostTextLength">The most characters of a field.</param>
    /// <exception cref="ApiException">It is no form, or one that cannot be read.</exception>
    public static async Task<FormBody> ReadAsync(HttpContext context, int mostTextLength)
    {
        if (!context.Request.HasFormContentType)
        {
            throw new ApiException(StatusCodes.Status415UnsupportedMediaType, "unsupported_media_type", "The body should be a form with files, and the content type multipart/form-data.");
        }

        try
        {
            IFormCollection form = await context.Request.ReadFormAsync(new FormOptions
            {
                MemoryBufferThreshold = int.MaxValue,
                MultipartBodyLengthLimit = context.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize ?? long.MaxValue,
                ValueCountLimit = 64,
                ValueLengthLimit = mostTextLength * 4,
                MultipartHeadersCountLimit = 8,
                MultipartHeadersLengthLimit = 4096,
            }, context.RequestAborted);
            context.SetBodyRead();
            return new FormBody(context, form);
        }
        catch (InvalidDataException exception)
        {
            throw new ApiException(StatusCodes.Status400BadRequest, "invalid_form", $"The form cannot be read: {exception.Message}");
        }
    }

    /// <summary>A field; null where it is missing, empty or given twice.</summary>
    public string? Text(string name) => _form.TryGetValue(name, out StringValues values) && values is [{ Length: > 0 } only] ? only : null;

    /// <summary>All values of a field that may be given several times, with brackets behind its name or without.</summary>
    public IEnumerable<string> Texts(string name) => _form[name].Concat(_form[$"{name}[]"]).OfType<string>().Where(text => text.Length > 0);

    /// <summary>A field that is a number.</summary>
    /// <exception cref="ApiException">It is none.</exception>
    public T? Number<T>(string name)
        where T : struct, ISpanParsable<T> =>
        Text(name) is not { } text ? null :
        T.TryParse(text, CultureInfo.InvariantCulture, out T number) ? number : throw new ApiException(StatusCodes.Status400BadRequest, "invalid_request", $"\"{name}\" should be a number.", name);

    /// <summary>The bytes of a file; null where it is missing.</summary>
    public async Task<byte[]?> ReadFileAsync(string name)
    {
        if ((_form.Files.GetFile(name) ?? _form.Files.GetFile($"{name}[]")) is not { } file)
        {
            return null;
        }

        byte[] bytes = new byte[file.Length];
        await using Stream stream = file.OpenReadStream();
        await stream.ReadExactlyAsync(bytes, _context.RequestAborted);
        return bytes;
    }
}
