using System.Buffers.Binary;
using System.ClientModel;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using OnnxStream.Interop.Speech;
using OnnxStream.Interop.Speech.Tests.Transcription;
using OpenAI;
using OpenAI.Audio;

namespace OnnxStream.Interop.Server.Tests.OpenAi;

/// <summary>What is said comes over HTTP as the model writes it, in each format; what cannot be heard is refused.</summary>
public class AudioEndpointsTests
{
    private const string Transcriptions = "/v1/audio/transcriptions", Translations = "/v1/audio/translations";

    private static readonly byte[] s_wave = Wave(TestSound.Make(3));

    private RunningServer _server = null!;
    private TranscriptSegment[] _expected = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _server = await RunningServer.StartAsync(options => options with { Limits = options.Limits with { MostSoundSeconds = 8 } });
        _expected = Expected(new TranscriptionOptions { Language = "de", Temperatures = [0.2f] });
        Assert.That(_expected, Is.Not.Empty);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task EachFormatHasWhatTheModelWrites()
    {
        string text = string.Concat(_expected.Select(segment => segment.Text)).Trim();
        JsonElement plain = JsonElement.Parse(await SendAsync("json"));
        Assert.That(plain.GetProperty("text").GetString(), Is.EqualTo(text));
        Assert.That(plain.GetProperty("usage").GetProperty("seconds").GetInt32(), Is.EqualTo(3));
        Assert.That(plain.EnumerateObject().Select(property => property.Name), Is.EquivalentTo(new[] { "text", "usage" }));
        Assert.That(await SendAsync("text"), Is.EqualTo($"{text}\n"));
        using StringWriter srt = new(), vtt = new();
        Subtitles.WriteSrt(_expected, srt);
        Subtitles.WriteVtt(_expected, vtt);
        Assert.That(await SendAsync("srt"), Is.EqualTo(srt.ToString()));
        Assert.That(await SendAsync("vtt"), Is.EqualTo(vtt.ToString()));
        JsonElement verbose = JsonElement.Parse(await SendAsync("verbose_json"));
        Assert.That(verbose.GetProperty("text").GetString(), Is.EqualTo(text));
        Assert.That(verbose.GetProperty("task").GetString(), Is.EqualTo("transcribe"));
        Assert.That(verbose.GetProperty("language").GetString(), Is.EqualTo("de"));
        Assert.That(verbose.GetProperty("duration").GetDouble(), Is.EqualTo(3).Within(1e-3));
        JsonElement[] segments = [.. verbose.GetProperty("segments").EnumerateArray()];
        Assert.That(segments.Select(segment => segment.GetProperty("text").GetString()), Is.EqualTo(_expected.Select(segment => segment.Text)));
        Assert.That(segments.Select(segment => segment.GetProperty("start").GetDouble()), Is.EqualTo(_expected.Select(segment => segment.Start.TotalSeconds)).Within(1e-6));
        Assert.That(segments.Select(segment => segment.GetProperty("end").GetDouble()), Is.EqualTo(_expected.Select(segment => segment.End.TotalSeconds)).Within(1e-6));
        Assert.That(segments.SelectMany(segment => segment.GetProperty("tokens").EnumerateArray()).Select(token => token.GetInt32()), Is.EqualTo(_expected.SelectMany(segment => segment.Tokens)));
        Assert.That(segments[0].GetProperty("avg_logprob").GetSingle(), Is.EqualTo(_expected[0].AverageLogProbability).Within(1e-4));

        Task<string> SendAsync(string format) => ReadAsync(Transcriptions, ("model", "tiny-whisper"), ("language", "de"), ("temperature", "0.2"), ("response_format", format), ("timestamp_granularities[]", "segment"));
    }

    [Test]
    public async Task OpenAisClientReadsTheAnswers()
    {
        AudioClient client = new OpenAIClient(new ApiKeyCredential("any-key-that-is-asked-for"), new OpenAIClientOptions { Endpoint = new Uri(_server.Client.BaseAddress!, "v1") }).GetAudioClient("tiny-whisper");
        using MemoryStream sound = new(s_wave);
        AudioTranscription transcription = await client.TranscribeAudioAsync(sound, "talk.wav", new AudioTranscriptionOptions { Language = "de", Temperature = 0.2f, ResponseFormat = AudioTranscriptionFormat.Verbose });
        Assert.That(transcription.Segments.Select(segment => segment.Text), Is.EqualTo(_expected.Select(segment => segment.Text)));
        Assert.That(transcription.Duration, Is.EqualTo(TimeSpan.FromSeconds(3)));
        using MemoryStream again = new(s_wave);
        AudioTranslation translation = await client.TranslateAudioAsync(again, "talk.wav", new AudioTranslationOptions { Temperature = 0.2f });
        Assert.That(translation.Text, Is.EqualTo(string.Concat(Expected(new TranscriptionOptions { Translates = true, Temperatures = [0.2f] }).Select(segment => segment.Text)).Trim()));
    }

    [Test]
    public async Task ASoundIsAJobAsOthers()
    {
        string request = $$$"""{"kind":"transcription","transcription":{"sound":"{{{Convert.ToBase64String(s_wave)}}}","language":"de","temperature":0.2}}""";
        (HttpStatusCode status, JsonElement job) = await _server.PostAsync("/jobs", request);
        Assert.That((status, job.GetProperty("model").GetString()), Is.EqualTo((HttpStatusCode.Accepted, "tiny-whisper")));
        string path = $"/jobs/{job.GetProperty("id").GetString()}";
        string events = await _server.Client.GetStringAsync(new Uri($"{path}/events", UriKind.Relative));
        Assert.That(events, Does.Contain("\"stage\":\"listening\"").And.Contain("event: finished"));
        (_, JsonElement result) = await _server.GetAsync($"{path}/result");
        Assert.That(result.GetProperty("segments").GetArrayLength(), Is.EqualTo(_expected.Length));
        (_, JsonElement models) = await _server.GetAsync("/v1/models/tiny-whisper");
        Assert.That(models.GetProperty("facts").GetProperty("languages").EnumerateArray().Select(language => language.GetString()), Does.Contain("de"));
        (_, JsonElement document) = await _server.GetAsync("/openapi.json");
        Assert.That(document.GetProperty("paths").EnumerateObject().Select(known => known.Name), Does.Contain(Transcriptions).And.Contain(Translations));
    }

    [TestCase("response_format", "yaml", 400, "invalid_request")]
    [TestCase("timestamp_granularities[]", "word", 400, "unsupported_parameter")]
    [TestCase("timestamp_granularities[]", "letter", 400, "invalid_request")]
    [TestCase("temperature", "warm", 400, "invalid_request")]
    [TestCase("temperature", "1.5", 400, "invalid_request")]
    [TestCase("language", "klingon", 400, "invalid_request")]
    [TestCase("model", "whisper-1", 404, "model_not_found")]
    [TestCase("model", "tiny-llm", 400, "model_not_supported")]
    public async Task AWrongFieldIsRefused(string name, string value, int status, string code)
    {
        (HttpStatusCode actual, string body) = await PostAsync(Transcriptions, s_wave, [(name, value)]);
        JsonElement error = JsonElement.Parse(body).GetProperty("error");
        Assert.That(((int)actual, error.GetProperty("code").GetString()), Is.EqualTo((status, code)), body);
        Assert.That(error.GetProperty("param").GetString(), Is.EqualTo(name.TrimEnd('[', ']')));
    }

    [Test]
    public async Task AFileThatIsNoSoundIsRefused()
    {
        byte[] promising = [.. s_wave[..44]];
        BinaryPrimitives.WriteInt32LittleEndian(promising.AsSpan(40), int.MaxValue);
        byte[] compressed = [.. s_wave];
        compressed[20] = 0x55;
        (byte[]? File, string What)[] wrong = [([], "nothing"), ([1, 2, 3], "three bytes"), ([.. s_wave[..30]], "a header that is cut"), (compressed, "MP3 in a WAV file"), (Wave(new Sound(new float[9 * 1000], 1000)), "nine seconds"), (null, "no file")];
        foreach ((byte[]? file, string what) in wrong)
        {
            (HttpStatusCode status, string body) = await PostAsync(Transcriptions, file, [("language", "de")]);
            Assert.That((int)status, Is.EqualTo(400), $"{what}: {body}");
            Assert.That(JsonElement.Parse(body).GetProperty("error").GetProperty("param").GetString(), Is.EqualTo("file"), what);
        }

        // A header may promise more than there is: that takes no memory.
        (HttpStatusCode promised, string answer) = await PostAsync(Transcriptions, promising, [("language", "de"), ("response_format", "text")]);
        Assert.That((promised, answer), Is.EqualTo((HttpStatusCode.OK, "\n")));
        (HttpStatusCode json, JsonElement refused) = await _server.PostAsync(Transcriptions, "{}");
        Assert.That((json, refused.GetProperty("error").GetProperty("code").GetString()), Is.EqualTo((HttpStatusCode.UnsupportedMediaType, "unsupported_media_type")));
        Assert.That((await PostAsync(Transcriptions, Wave(new Sound([], 16_000)), [("language", "de"), ("response_format", "text")])).Body, Is.EqualTo("\n"), "an empty sound");
    }

    [Test]
    public async Task AnUploadThatEndsEarlyLeavesNothingBehind()
    {
        using (TcpClient client = new())
        {
            await client.ConnectAsync(IPAddress.Loopback, _server.Client.BaseAddress!.Port);
            string head = $"POST {Transcriptions} HTTP/1.1\r\nHost: 127.0.0.1:{_server.Client.BaseAddress.Port.ToString(CultureInfo.InvariantCulture)}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 90000\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n";
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head));
            await client.GetStream().WriteAsync(s_wave.AsMemory(0, 20_000));
        }

        (_, JsonElement status) = await _server.GetAsync("/status");
        Assert.That(status.GetProperty("queue").GetProperty("running").GetInt32() + status.GetProperty("queue").GetProperty("waiting").GetInt32(), Is.Zero);
        Assert.That(await ReadAsync(Transcriptions, ("language", "de"), ("temperature", "0.2"), ("response_format", "text")), Is.Not.Empty);
    }

    private static TranscriptSegment[] Expected(TranscriptionOptions options)
    {
        using SpeechToText model = SpeechToText.FromFolder(Path.Combine(RunningServer.Models, "tiny-whisper"), new SessionOptions { ThreadCount = 1 });
        using MemoryStream stream = new(s_wave);
        return [.. model.Transcribe(Sound.Load(stream, "sound"), options)];
    }

    // A file of 16 bits, little-endian.
    private static byte[] Wave(Sound sound)
    {
        byte[] data = new byte[2 * sound.Samples.Length];
        for (int i = 0; i < sound.Samples.Length; i++)
        {
            BinaryPrimitives.WriteInt16LittleEndian(data.AsSpan(2 * i), (short)(sound.Samples[i] * 32_767));
        }

        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        writer.Write("RIFF"u8);
        writer.Write(36 + data.Length);
        writer.Write("WAVEfmt "u8);
        writer.Write(16);
        writer.Write((short)1);
        writer.Write((short)1);
        writer.Write(sound.SampleRate);
        writer.Write(2 * sound.SampleRate);
        writer.Write((short)2);
        writer.Write((short)16);
        writer.Write("data"u8);
        writer.Write(data.Length);
        writer.Write(data);
        writer.Flush();
        return stream.ToArray();
    }

    private async Task<string> ReadAsync(string path, params (string Name, string Value)[] fields)
    {
        (HttpStatusCode status, string body) = await PostAsync(path, s_wave, fields);
        Assert.That(status, Is.EqualTo(HttpStatusCode.OK), body);
        return body;
    }

    private async Task<(HttpStatusCode Status, string Body)> PostAsync(string path, byte[]? file, IEnumerable<(string Name, string Value)> fields)
    {
        using MultipartFormDataContent form = [];
        foreach ((string name, string value) in fields)
        {
            form.Add(new StringContent(value), name);
        }

        if (file is not null)
        {
            ByteArrayContent content = new(file);
            content.Headers.ContentType = new MediaTypeHeaderValue("audio/wav");
            form.Add(content, "file", "talk.wav");
        }

        using HttpResponseMessage response = await _server.Client.PostAsync(new Uri(path, UriKind.Relative), form);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }
}
