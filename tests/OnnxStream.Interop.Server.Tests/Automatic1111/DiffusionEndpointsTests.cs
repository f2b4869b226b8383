using System.Net;
using System.Text.Json;

namespace OnnxStream.Interop.Server.Tests.Automatic1111;

public class DiffusionEndpointsTests
{
    private RunningServer _server = null!;

    [OneTimeSetUp]
    public async Task Start() => _server = await RunningServer.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    // A request as SillyTavern sends it.
    [Test]
    public async Task APictureIsMade()
    {
        (HttpStatusCode status, JsonElement body) = await _server.PostAsync("/sdapi/v1/txt2img", """
            {"prompt":"a red circle","negative_prompt":"blurry","sampler_name":"Euler a","scheduler":"Automatic","steps":2,"cfg_scale":5,"width":64,"height":64,
             "seed":-1,"restore_faces":false,"enable_hr":false,"hr_upscaler":"Latent","hr_scale":2,"denoising_strength":0.7,"hr_second_pass_steps":0,
             "override_settings":{"CLIP_stop_at_last_layers":1},"override_settings_restore_afterwards":true,"clip_skip":1,"save_images":true,"send_images":true,"do_not_save_grid":false,"do_not_save_samples":false}
            """);
        Assert.That(status, Is.EqualTo(HttpStatusCode.OK), body.ToString());
        Assert.That(body.GetProperty("images")[0].GetBytesFromBase64()[1..4], Is.EqualTo("PNG"u8.ToArray()));
        JsonElement info = JsonElement.Parse(body.GetProperty("info").GetString()!);
        Assert.That(info.GetProperty("infotexts")[0].GetString(), Does.StartWith("a red circle"));
    }

    [Test]
    public async Task AModelThatCannotBeginWithAPictureSaysSo()
    {
        (HttpStatusCode status, JsonElement body) = await _server.PostAsync("/sdapi/v1/img2img", """{"prompt":"x","init_images":["iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="]}""");
        Assert.That(status, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(body.GetProperty("detail").GetString(), Does.Contain("encoder"));
    }

    [Test]
    public async Task ListsAreThere()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That((await _server.GetAsync("/sdapi/v1/samplers")).Body.EnumerateArray().Select(item => item.GetProperty("name").GetString()), Does.Contain("DPM++ 2M"));
            Assert.That((await _server.GetAsync("/sdapi/v1/schedulers")).Body.EnumerateArray().Select(item => item.GetProperty("label").GetString()), Does.Contain("Karras"));
            Assert.That((await _server.GetAsync("/sdapi/v1/sd-models")).Body.EnumerateArray().Select(item => item.GetProperty("filename").GetString()), Is.EqualTo(new[] { "tiny-shapes" }));
            Assert.That((await _server.GetAsync("/sdapi/v1/options")).Body.GetProperty("sd_model_checkpoint").GetString(), Is.EqualTo("tiny-shapes"));
            Assert.That((await _server.GetAsync("/sdapi/v1/progress")).Body.GetProperty("progress").GetDouble(), Is.Zero);
            Assert.That((await _server.PostAsync("/sdapi/v1/options", """{"sd_model_checkpoint":"none"}""")).Status, Is.EqualTo(HttpStatusCode.NotFound));
        }
    }

    [Test]
    public async Task ProgressIsSeenAndWorkInterrupted()
    {
        Task<(HttpStatusCode Status, JsonElement Body)> picture = _server.PostAsync("/sdapi/v1/txt2img", """{"prompt":"x","steps":150,"batch_size":10}""");
        double progress = 0;
        for (int i = 0; i < 400 && progress == 0; i++)
        {
            await Task.Delay(25);
            progress = (await _server.GetAsync("/sdapi/v1/progress")).Body.GetProperty("progress").GetDouble();
        }

        Assert.That(progress, Is.InRange(0.0001, 1));
        Assert.That((await _server.PostAsync("/sdapi/v1/interrupt", "")).Status, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await picture).Status, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
    }
}
