using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace OnnxStream.Interop.Server.Page.Tests;

/// <summary>Makes the pictures of docs/serve.md, to be looked at.</summary>
[Explicit("It makes files for the documentation; run it where the page was changed.")]
public class Screenshots
{
    private static readonly string[] s_prompts =
    [
        "a blue star above a pink circle on a white background", "a green triangle on a yellow background", "a red circle on a blue background", "a yellow square",
    ];

    [Test]
    public async Task AreMade()
    {
        string folder = Environment.GetEnvironmentVariable("ONNXSTREAM_SCREENSHOTS") ?? TestContext.CurrentContext.WorkDirectory;
        await using PageServer server = await PageServer.StartAsync();
        IPage desk = await Browser.OpenAsync(server);
        await desk.GetByRole(AriaRole.Combobox, new() { Name = "Model", Exact = true }).SelectOptionAsync("tiny-shapes");
        foreach ((int index, string prompt) in s_prompts.Index())
        {
            await desk.GetByLabel("Prompt", new() { Exact = true }).FillAsync(prompt);
            await desk.GetByLabel("Seed", new() { Exact = true }).FillAsync($"{index + 7}");
            await desk.GetByRole(AriaRole.Button, new() { Name = "Draw" }).ClickAsync();
            await Expect(desk.GetByRole(AriaRole.Button, new() { Name = $"Show: {prompt}" })).ToBeVisibleAsync();
            await Expect(desk.GetByRole(AriaRole.Button, new() { Name = "Cancel" })).ToBeHiddenAsync();
        }

        await desk.GetByRole(AriaRole.Button, new() { Name = $"Show: {s_prompts[0]}" }).ClickAsync();
        await desk.GetByRole(AriaRole.Button, new() { Name = "Use these settings" }).ClickAsync();
        await desk.EmulateMediaAsync(new() { ReducedMotion = ReducedMotion.Reduce });
        await desk.SetViewportSizeAsync(1280, 1060);
        await TakeAsync(desk, "light");
        await desk.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
        await TakeAsync(desk, "dark");
        await desk.SetViewportSizeAsync(360, 740);
        await TakeAsync(desk, "phone", isWhole: true);

        await desk.SetViewportSizeAsync(1280, 1060);
        await desk.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light });
        await desk.GetByRole(AriaRole.Combobox, new() { Name = "Model", Exact = true }).SelectOptionAsync("tiny-painter");
        await desk.GetByText("Begin with a picture").ClickAsync();
        await desk.GetByLabel("Picture to begin with").SetInputFilesAsync(Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "tiny-shapes", "samples.png"));
        await Expect(desk.GetByLabel("Mask on the picture")).ToBeVisibleAsync();
        await desk.GetByLabel("Mask on the picture").FocusAsync();
        await desk.Keyboard.PressAsync("Space");
        await TakeAsync(desk, "mask", isWhole: true);

        await desk.GetByRole(AriaRole.Link, new() { Name = "Chat" }).ClickAsync();
        await desk.GetByLabel("Most tokens").FillAsync("24");
        foreach (string text in (string[])["Hello, who are you?", "Tell me more."])
        {
            await desk.GetByLabel("Message", new() { Exact = true }).FillAsync(text);
            await desk.Keyboard.PressAsync("Enter");
            await Expect(desk.GetByRole(AriaRole.Button, new() { Name = "Stop" })).ToBeHiddenAsync();
        }

        await Expect(desk.GetByText("1 running")).ToBeHiddenAsync();
        await TakeAsync(desk, "chat");

        async Task TakeAsync(IPage page, string name, bool isWhole = false)
        {
            await page.EvaluateAsync("() => scrollTo(0, 0)");
            await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}.png"), FullPage = isWhole });
        }
    }
}
