# `node-gyp rebuild` and `npm rebuild` users land here; the build itself is CMake's (native/CMakeLists.txt).
{
  "targets": [
    {
      "target_name": "penstock",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake_js",
          "inputs": ["native/CMakeLists.txt"],
          "outputs": ["<(PRODUCT_DIR)/penstock.node"],
          "action": ["node", "tools/setup/install.mjs", "--addon"]
        }
      ]
    }
  ]
}
