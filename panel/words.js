// English is the key; a language without a word shows the English one.
const chinese = {
	'Dashboard': '概览', 'Accounts': '账号', 'Keys': '密钥', 'Models': '模型', 'Usage': '用量', 'Settings': '设置',
	'Sign in': '登录', 'Sign out': '退出', 'Password': '密码', 'Dark': '深色', 'Light': '浅色', 'Filter': '筛选',
	'Password of the admin panel': '管理面板密码', 'No password is set': '尚未设置密码',
	'The owner of this installation sets one on the server:': '请在服务器上设置密码：', 'Then load this page again.': '然后重新加载此页面。',
	'Load again': '重新加载', 'Skip to content': '跳到内容', 'Sections': '栏目',
	'This connection is not encrypted: the password and all you see here can be read on the way. Serve the panel over HTTPS.': '此连接未加密：密码和页面内容可能被窃听。请通过 HTTPS 访问面板。',
	'Can serve now': '当前可用', 'Need attention': '需要处理', 'Token refresher': '令牌刷新', 'never ran': '从未运行', 'runs well': '运行正常', 'failed': '失败',
	'Allowance': '额度', 'Accounts by state': '账号状态', 'Used': '已用', 'Limit': '上限', 'Remaining': '剩余', 'Resets': '重置', 'Plan': '套餐',
	'unknown': '未知', 'Nothing is known yet. kiro-refresh asks for it, or test an account.': '尚无数据。kiro-refresh 会定期查询，也可手动测试账号。',
	'No accounts yet': '还没有账号', 'Log in with a Kiro account, or take over what another program has.': '登录 Kiro 账号，或导入其他程序的凭据。',
	'Add account': '添加账号', 'Import': '导入', 'Account': '账号', 'Kind': '类型', 'State': '状态', 'Last used': '最近使用', 'Priority': '优先级',
	'Actions': '操作', 'Test': '测试', 'Refresh token': '刷新令牌', 'Reset': '重置', 'Enable': '启用', 'Disable': '停用', 'Edit': '编辑', 'Delete': '删除',
	'active': '正常', 'exhausted': '额度用尽', 'suspended': '已封停', 'refused': '被拒绝', 'invalid': '需重新登录', 'disabled': '已停用', 'resting': '冷却中',
	'Cancel': '取消', 'Close': '关闭', 'Save': '保存', 'Label': '名称', 'Most requests at once': '最大并发', 'Region': '区域', 'Proxy': '代理',
	'0: no limit': '0：不限', 'Lower is used first': '数值小者优先', 'empty: the configured one': '留空：使用全局配置',
	'Nothing matches the filter.': '没有匹配的内容。', 'Delete account': '删除账号', 'Its tokens cannot be had back.': '其令牌将无法恢复。',
	'How do you want to add it?': '选择添加方式', 'AWS Builder ID': 'AWS Builder ID', 'personal, with a code': '个人账号，设备码', 'company, with a code': '企业账号，设备码',
	'with a code': '设备码', 'Kiro sign-in page': 'Kiro 登录页', 'you choose there': '在页面上选择', 'External provider': '外部身份提供商', 'company sign-in, e.g. Entra ID': '企业登录，如 Entra ID',
	'API key': 'API 密钥', 'Refresh token or JSON': '刷新令牌或 JSON', 'paste a key': '粘贴密钥', 'paste what you have': '粘贴已有凭据',
	'Start URL': '起始 URL', 'Issuer URL': 'Issuer URL', 'Client id': 'Client ID', 'Continue': '继续', 'Add': '添加',
	'Open the sign-in page': '打开登录页面', 'and check that it shows this code:': '并确认页面显示此代码：', 'Waiting for you to finish there': '等待您在页面上完成', 'Valid until': '有效至',
	'The page ends at an address that cannot be loaded. Copy that address here.': '登录后浏览器会停在一个打不开的地址，请把该地址复制到这里。', 'Address': '地址',
	'The login was refused.': '登录被拒绝。', 'The time is over: begin again.': '已超时，请重新开始。', 'Account added': '账号已添加', 'Account updated': '账号已更新',
	'Paste the file here, or choose it': '粘贴文件内容，或选择文件', 'File': '文件', 'Show what would be done': '预览', 'Nothing is stored before you have seen what would be done.': '确认预览之前不会保存任何内容。',
	'What': '操作', 'Why': '原因', 'Entry': '条目', 'Store': '保存', 'add': '新增', 'update': '更新', 'keep': '保留', 'refuse': '拒绝', 'Back': '返回', 'Done': '完成',
	'Client keys': '客户端密钥', 'New key': '新建密钥', 'Name': '名称', 'Key': '密钥', 'Added': '添加时间', 'Remove': '移除', 'Copy': '复制', 'Copied': '已复制',
	'No keys yet': '还没有密钥', 'A client needs a key to use this gateway.': '客户端需要密钥才能使用本网关。', 'For whom or what it is': '供谁或什么使用',
	'This key is shown this once. Copy it now.': '密钥仅显示这一次，请立即复制。', 'Remove key': '移除密钥', 'Clients that use it are refused from now on.': '使用该密钥的客户端将立即被拒绝。',
	'Aliases': '别名', 'New alias': '新建别名', 'Clients call it': '客户端使用的名称', 'They get': '实际模型', 'Target': '目标模型', 'Test a name': '测试名称', 'Model name': '模型名称',
	'No aliases': '没有别名', 'An alias lets clients call a model by another name; “default” catches every unknown one.': '别名让客户端用别的名称调用模型；“default” 匹配所有未知名称。',
	'Model': '模型', 'Window': '上下文', 'Output': '最大输出', 'Images': '图像', 'yes': '是', 'no': '否', 'tokens': 'tokens',
	'Download CSV': '下载 CSV', 'As of': '更新于', 'Option': '选项', 'Value': '值', 'Origin': '来源', 'file': '文件', 'environment': '环境变量', 'default': '默认',
	'Reload settings': '重新加载配置', 'Settings reloaded': '配置已重新加载', 'Configuration file': '配置文件', 'none': '无', 'Settings are changed in the file or the environment, then reloaded.': '请修改配置文件或环境变量，然后重新加载。',
	'Test all': '测试全部', 'answers': '有响应', 'of': '/', 'Stop': '停止', 'Share of the allowance used, per account': '各账号额度使用比例', 'remove': '移除', 'Loading': '加载中', 'deleted': '已删除',
	'Last 30 days': '最近 30 天', 'Requests': '请求', 'Errors': '错误', 'Input': '输入 tokens', 'Output tokens': '输出 tokens', 'Credits': '积分', 'Day': '日期', 'Nothing was counted yet.': '暂无统计。',
	'Role': '角色', 'Limits': '限制', 'user': '用户', 'viewer': '只读', 'operator': '运维', 'admin': '管理员', 'requests': '请求', 'credits': '积分', 'Limit of requests': '请求上限', 'Limit of tokens': 'Token 上限', 'empty: none': '留空：不限',
	'user: the models; viewer and operator: this panel\'s API; admin: all': '用户：使用模型；只读、运维：管理 API；管理员：全部',
	'Delete “{}” with its tokens?': '删除“{}”及其令牌？', 'Remove the key “{}”?': '移除密钥“{}”？', 'Remove the alias “{}”?': '移除别名“{}”？',
};

let current = localStorage.getItem('language') ?? (navigator.language.startsWith('zh') ? 'zh' : 'en');

export const language = () => current === 'zh' ? 'zh-CN' : 'en';
export const t = (text, value) => ((current === 'zh' && chinese[text]) || text).replace('{}', value ?? '');

export function setLanguage(name) {
	current = name;
	localStorage.setItem('language', name);
	document.documentElement.lang = language();
}
document.documentElement.lang = language();
